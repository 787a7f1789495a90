/** OpenAI's Files API, as far as batches use it. Files are objects under `INSTANCE/openai-files/ID`. */
import type { BatchCall, StoredObject } from './contract.ts';
import { boundaryOf, MultipartError, readParts } from './multipart.ts';

const mostFileBytes = 512 * 1024 * 1024;
const mostFieldBytes = 64 * 1024;
const purposes = ['batch', 'fine-tune', 'assistants', 'vision', 'user_data', 'evals'];
/** Azure looks at a file before it can be used. */
const azurePendingMs = 30;
const monthS = 30 * 86_400;

export const fileKey = (instance: string, id: string): string => `${instance}/openai-files/${id}`;

const idOf = (object: StoredObject): string => object.key.slice(object.key.lastIndexOf('/') + 1);

export function isPending(object: StoredObject, nowMs: number, azure: boolean): boolean {
  return azure && object.tags['purpose'] === 'batch' && nowMs < object.createdAtMs + azurePendingMs;
}

function fileJson(object: StoredObject, nowMs: number, azure: boolean): object {
  const createdS = Math.floor(object.createdAtMs / 1000);
  const keep = Number(object.tags['keep'] ?? monthS);
  return {
    object: 'file',
    id: idOf(object),
    purpose: object.tags['purpose'] ?? 'batch_output',
    filename: object.tags['filename'] ?? 'batch_output.jsonl',
    bytes: object.bytes,
    created_at: createdS,
    expires_at: createdS + keep,
    status: isPending(object, nowMs, azure) ? 'pending' : 'processed',
    status_details: null,
  };
}

/** `id` and `verb` as the path has them. */
export async function serveFiles(
  call: BatchCall,
  id: string | undefined,
  verb: string | undefined,
  azure: boolean,
): Promise<void> {
  const { engine, instance, method } = call;
  if (id === undefined) {
    if (method === 'POST') return upload(call, azure);
    if (method === 'GET') return list(call, azure);
    return call.refuse('bad-request', `Not allowed to ${method} here.`, { status: 405 });
  }
  const object = engine.objects.find(fileKey(instance, id));
  if (object === undefined) return call.refuse('bad-request', `No such File object: ${id}`, { status: 404 });
  if (verb === 'content')
    return call.sendObject(object, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${object.tags['filename'] ?? 'batch_output.jsonl'}"`,
    });
  if (method === 'DELETE') {
    engine.objects.remove(object.key);
    return call.send(200, { id, object: 'file', deleted: true });
  }
  call.send(200, fileJson(object, engine.now(), azure));
}

async function upload(call: BatchCall, azure: boolean): Promise<void> {
  const { engine, instance, headers, incoming } = call;
  const boundary = boundaryOf(headers['content-type']);
  if (boundary === undefined) return call.refuse('bad-request', "Missing required parameter: 'file'.");
  const key = fileKey(instance, `file-${engine.newId(24)}`);
  const fields: Record<string, string> = {};
  let filename: string | undefined;
  let stored: StoredObject | undefined;
  try {
    for await (const part of readParts(incoming, boundary)) {
      if (part.name !== 'file') fields[part.name] = await readField(part.body);
      else {
        filename = part.filename ?? 'upload';
        stored = await engine.objects.write(key, part.body);
      }
    }
  } catch (thrown) {
    engine.objects.remove(key);
    if (!(thrown instanceof MultipartError)) throw thrown;
    return call.refuse('bad-request', `Invalid multipart body: ${thrown.message}.`);
  }
  const wrong = wrongWith(fields, stored, azure);
  if (wrong !== undefined) {
    engine.objects.remove(key);
    return call.refuse('bad-request', wrong);
  }
  const keep = fields['expires_after[seconds]'];
  const tagged = engine.objects.tag(key, {
    purpose: fields['purpose'] ?? '',
    filename: filename ?? 'upload',
    ...(keep === undefined ? {} : { keep }),
  });
  if (tagged !== undefined) call.send(azure ? 201 : 200, fileJson(tagged, engine.now(), azure));
}

function wrongWith(
  fields: Readonly<Record<string, string>>,
  stored: StoredObject | undefined,
  azure: boolean,
): string | undefined {
  const { purpose } = fields;
  if (stored === undefined) return "Missing required parameter: 'file'.";
  if (purpose === undefined) return "Missing required parameter: 'purpose'.";
  if (!purposes.includes(purpose))
    return `'${purpose}' is not one of ['${purposes.join("', '")}'] - 'purpose'`;
  if (stored.bytes > mostFileBytes) return 'File is too large.';
  if (stored.bytes === 0) return 'File is empty.';
  const keep = fields['expires_after[seconds]'];
  if (keep === undefined) return undefined;
  const least = azure ? 14 * 86_400 : 3_600;
  const seconds = Number(keep);
  if (fields['expires_after[anchor]'] !== 'created_at') return "Invalid value for 'expires_after.anchor'.";
  return Number.isInteger(seconds) && seconds >= least && seconds <= monthS
    ? undefined
    : `Invalid value for 'expires_after.seconds': must be between ${least} and ${monthS}.`;
}

async function readField(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes <= mostFieldBytes) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function list(call: BatchCall, azure: boolean): void {
  const { engine, instance, query } = call;
  const purpose = query.get('purpose');
  const all = engine.objects
    .list(fileKey(instance, ''))
    .filter((object) => purpose === null || (object.tags['purpose'] ?? 'batch_output') === purpose)
    .sort((a, b) => b.createdAtMs - a.createdAtMs || (a.key < b.key ? 1 : -1));
  call.send(
    200,
    pageOf(all, idOf, query, 10_000, (object) => fileJson(object, engine.now(), azure)),
  );
}

/** A page of a list of OpenAI's. */
export function pageOf<T>(
  all: readonly T[],
  idOf: (one: T) => string,
  query: URLSearchParams,
  usual: number,
  toJson: (one: T) => object,
): object {
  const after = query.get('after');
  const from = after === null ? 0 : all.findIndex((one) => idOf(one) === after) + 1;
  const limit = Math.max(1, Math.min(10_000, Number(query.get('limit') ?? usual) || usual));
  const page = all.slice(from, from + limit);
  const [first] = page;
  const last = page.at(-1);
  return {
    object: 'list',
    data: page.map(toJson),
    first_id: first === undefined ? null : idOf(first),
    last_id: last === undefined ? null : idOf(last),
    has_more: from + limit < all.length,
  };
}

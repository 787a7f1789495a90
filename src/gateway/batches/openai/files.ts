/** `/v1/files` */
import type { FileDeleted, FileObject } from 'openai/resources/files';
import type { StoredFile } from '../../../batch/contract.ts';
import { GatewayError } from '../../../core/errors.ts';
import { present } from '../../../core/present.ts';
import type { BatchRequest, BatchRoute, BatchWorld } from '../contract.ts';
import { readLimit, sendBytes, sendJson } from '../reply.ts';
import { encodePage, type OnWire, seconds, secondsOrNull } from './batch-object.ts';
import { readRange, sliceBytes } from './range.ts';
import { receiveFile } from './upload.ts';

/** OpenAI's lists go up to 10,000; a page of ours is shorter, and says that there is more. */
const mostAsked = 10_000;
const mostShown = 1000;

export const fileRoutes: readonly BatchRoute[] = [
  {
    method: 'POST',
    path: '/v1/files',
    async handle(world, request) {
      sendJson(request, encodeFile(await receiveFile(world, request)));
    },
  },
  { method: 'GET', path: '/v1/files', handle: list },
  {
    method: 'GET',
    path: '/v1/files/:id',
    async handle({ desk }, request) {
      sendJson(request, encodeFile(await desk.file(request.asker.owner, request.path['id'] ?? '')));
    },
  },
  {
    method: 'DELETE',
    path: '/v1/files/:id',
    async handle({ desk }, request) {
      const id = request.path['id'] ?? '';
      await desk.removeFile(request.asker.owner, id);
      sendJson(request, { id, deleted: true, object: 'file' } satisfies FileDeleted);
    },
  },
  { method: 'GET', path: '/v1/files/:id/content', handle: content },
];

function encodeFile(file: StoredFile): object {
  return {
    id: file.id,
    object: 'file',
    bytes: file.bytes,
    created_at: seconds(file.createdAtMs),
    expires_at: secondsOrNull(file.expiresAtMs),
    filename: file.filename,
    purpose: file.purpose === 'batch_output' ? 'batch_output' : 'batch',
    status: 'processed',
    status_details: null,
  } satisfies OnWire<FileObject>;
}

async function list({ desk }: BatchWorld, request: BatchRequest): Promise<void> {
  const { query, asker } = request;
  const order = query.get('order');
  if (order !== null && order !== 'asc' && order !== 'desc')
    throw new GatewayError(
      'invalid_request',
      `"order" must be asc or desc, but it is "${order.slice(0, 40)}".`,
      {
        param: 'order',
      },
    );
  const { data, hasMore } = await desk.files(asker.owner, {
    limit: Math.min(readLimit(query, mostShown, mostAsked), mostShown),
    ascending: order === 'asc',
    ...present({
      after: query.get('after') ?? undefined,
      purpose: query.get('purpose') ?? undefined,
    }),
  });
  sendJson(request, encodePage(data, hasMore, encodeFile));
}

async function content({ desk }: BatchWorld, request: BatchRequest): Promise<void> {
  const file = await desk.file(request.asker.owner, request.path['id'] ?? '');
  const headers = [
    'content-type',
    'application/octet-stream',
    'content-disposition',
    disposition(file.filename),
    'accept-ranges',
    'bytes',
  ];
  const range = readRange(request.incoming.headers.range, file.bytes);
  if (range === 'beyond') {
    request.outgoing.setHeader('content-range', `bytes */${file.bytes}`);
    throw new GatewayError('range_not_satisfiable', `The range is beyond the file’s ${file.bytes} bytes.`);
  }
  if (range === undefined) {
    headers.push('content-length', String(file.bytes));
    await sendBytes(request, 200, headers, desk.readFile(file));
    return;
  }
  const { from, to } = range;
  headers.push('content-length', String(to - from), 'content-range', `bytes ${from}-${to - 1}/${file.bytes}`);
  await sendBytes(request, 206, headers, sliceBytes(desk.readFile(file), from, to));
}

/** Both forms: the plain one for those who know no other. RFC 6266. */
function disposition(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const exact = encodeURIComponent(filename).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"${plain === filename ? '' : `; filename*=UTF-8''${exact}`}`;
}

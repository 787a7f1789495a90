/** `/v1/batches` */
import type { Batch, NewBatch } from '../../../batch/contract.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import type { BatchRequest, BatchRoute, BatchWorld } from '../contract.ts';
import { kindOf, wrong } from '../read-line.ts';
import { readUpload, Submission } from '../read-upload.ts';
import { readLimit, sendJson } from '../reply.ts';
import { dayMs, readBatchTerms, readMetadata, readWebhook, readWindow, refuseUnknown } from '../terms.ts';
import { encodeBatch, encodePage } from './batch-object.ts';
import { endpoints, shapeId } from './shape.ts';

const known = [
  'input_file_id',
  'requests',
  'endpoint',
  'completion_window',
  'metadata',
  'output_expires_after',
  'webhook',
];
const lineEnd = Buffer.from('\n');

export const batchRoutes: readonly BatchRoute[] = [
  { method: 'POST', path: '/v1/batches', handle: create },
  {
    method: 'GET',
    path: '/v1/batches',
    async handle({ desk }, request) {
      const limit = readLimit(request.query, 20, 100);
      const after = request.query.get('after');
      const page = { shape: shapeId, limit, ...present({ after: after ?? undefined }) };
      const { data, hasMore } = await desk.batches(request.asker.owner, page);
      sendJson(request, encodePage(data, hasMore, encodeBatch));
    },
  },
  {
    method: 'GET',
    path: '/v1/batches/:id',
    async handle(world, request) {
      sendJson(request, encodeBatch(await find(world, request)));
    },
  },
  {
    method: 'POST',
    path: '/v1/batches/:id/cancel',
    async handle(world, request) {
      const { id } = await find(world, request);
      sendJson(request, encodeBatch(await world.desk.cancel(request.asker.owner, id)));
    },
  },
];

/** A batch that was submitted in another shape is not to be seen in this one. */
async function find({ desk }: BatchWorld, { asker, path }: BatchRequest): Promise<Batch> {
  const id = path['id'] ?? '';
  const batch = await desk.batch(asker.owner, id);
  if (batch.shape === shapeId) return batch;
  throw new GatewayError('not_found', `No batch found with id '${id.slice(0, 100)}'.`);
}

async function create(world: BatchWorld, request: BatchRequest): Promise<void> {
  const { asker, incoming } = request;
  // Headers first: what is wrong with them need not wait for a body of any size.
  readBatchTerms(incoming.headers, dayMs);
  const submission = new Submission(readUpload(incoming, world.maxUploadBytes), 'requests');
  let wanted: Wanted | undefined;
  let input: NewBatch['input'];
  if (await submission.hasArray()) {
    input = await world.desk.addInput(
      asker.owner,
      // Fields may come after the array; what is wrong with them must be known before its lines are kept.
      inlineLines(submission, () => {
        wanted = readWanted(submission.fields(), request);
        if (submission.fields()['input_file_id'] !== undefined)
          throw wrong('requests', '"input_file_id" and "requests" are both given; give one of them.');
      }),
    );
  } else input = { fileId: readFileId(submission.fields()) };
  wanted ??= readWanted(submission.fields(), request);
  const { batch, replayed } = await world.desk.create(asker.owner, { ...wanted, input }, asker.team);
  sendJson(request, encodeBatch(batch), replayed ? ['idempotent-replayed', 'true'] : []);
}

async function* inlineLines(
  submission: Submission,
  onEnd: () => void,
): AsyncGenerator<Buffer, void, undefined> {
  let lines = 0;
  for await (const elements of submission.elements()) {
    lines += elements.length;
    yield Buffer.concat(elements.flatMap((element) => [element, lineEnd]));
  }
  if (lines === 0) throw wrong('requests', '"requests" is empty; a batch has at least one request.');
  onEnd();
}

type Wanted = Omit<NewBatch, 'input'>;

function readWanted(fields: Readonly<Record<string, unknown>>, { incoming }: BatchRequest): Wanted {
  refuseUnknown(Object.keys(fields), known);
  const endpoint = endpoints.find((one) => one === fields['endpoint']);
  if (endpoint === undefined) {
    const value = fields['endpoint'];
    const seen = typeof value === 'string' ? `"${value.slice(0, 100)}"` : kindOf(value);
    throw wrong(
      'endpoint',
      `"endpoint" is ${value === undefined ? 'missing' : seen}; it may be ${endpoints.join(' or ')}.`,
    );
  }
  const windowMs = readWindow(fields['completion_window'] ?? '24h', 'completion_window');
  const keepMs = readKeep(fields['output_expires_after'], 'output_expires_after');
  return {
    shape: shapeId,
    endpoint,
    metadata: readMetadata(fields['metadata'], 'metadata'),
    ...readBatchTerms(incoming.headers, windowMs),
    ...present({ keepMs, webhook: readWebhook(fields['webhook']) }),
  };
}

function readFileId(fields: Readonly<Record<string, unknown>>): string {
  const value = fields['input_file_id'];
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(
    'input_file_id',
    value === undefined
      ? '"input_file_id" is missing: the id of a file that was uploaded to /v1/files with purpose "batch". Or give the requests inline, in "requests".'
      : `"input_file_id" must be a string that is not empty, but it is ${kindOf(value)}.`,
  );
}

/** `{anchor: 'created_at', seconds}`, of an hour to 30 days. */
export function readKeep(value: unknown, param: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrong(param, `"${param}" must be an object, but it is ${kindOf(value)}.`);
  if (value['anchor'] !== 'created_at')
    throw wrong(`${param}.anchor`, `"${param}.anchor" must be "created_at".`);
  return readKeepSeconds(value['seconds'], `${param}.seconds`);
}

export function readKeepSeconds(value: unknown, param: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 3600 && value <= 2_592_000)
    return value * 1000;
  const seen = typeof value === 'number' ? String(value) : kindOf(value);
  throw wrong(param, `"${param}" must be a whole number from 3600 to 2592000, but it is ${seen}.`);
}

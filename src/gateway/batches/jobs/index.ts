/** The jobs that resellers of models offer: `POST /v1/batch/jobs`, and its results by id. Errors are in OpenAI's shape, which their clients read. */
import type { Batch } from '../../../batch/contract.ts';
import { GatewayError } from '../../../core/errors.ts';
import { present } from '../../../core/present.ts';
import { encodeChatError } from '../../dialects/openai/chat/errors.ts';
import type { BatchFolder, BatchRequest, BatchRoute, BatchWorld } from '../contract.ts';
import { readUpload } from '../read-upload.ts';
import { sendBytes, sendJson } from '../reply.ts';
import { dayMs, readBatchTerms } from '../terms.ts';
import { readJob } from './read-job.ts';
import { createShape, endpoint, shapeId } from './shape.ts';
import { writeResults } from './write-results.ts';

/** It is held in memory while it is read. */
const maxJobBytes = 32_000_000;

const routes: readonly BatchRoute[] = [
  { method: 'POST', path: '/v1/batch/jobs', handle: create },
  { method: 'GET', path: '/v1/batch/jobs/:id', handle: show },
  {
    // Whoever holds a key asks here whether it is good; a bad one has not come this far.
    method: 'GET',
    path: '/v1/auth/validate',
    async handle(_world, request) {
      sendJson(request, { valid: true });
    },
  },
];

async function create(world: BatchWorld, request: BatchRequest): Promise<void> {
  const { asker, incoming } = request;
  const terms = readBatchTerms(incoming.headers, dayMs);
  const chunks: Buffer[] = [];
  for await (const chunk of readUpload(incoming, Math.min(maxJobBytes, world.maxUploadBytes)))
    chunks.push(chunk);
  const { lines, webhook } = readJob(Buffer.concat(chunks));
  const input = await world.desk.addInput(asker.owner, encodeLines(lines));
  const { batch, replayed } = await world.desk.create(
    asker.owner,
    { shape: shapeId, endpoint, input, metadata: {}, ...terms, ...present({ webhook }) },
    asker.team,
  );
  sendJson(request, { batch_id: batch.id }, replayed ? ['idempotent-replayed', 'true'] : []);
}

async function* encodeLines(lines: readonly string[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const line of lines) yield Buffer.from(line);
}

async function show(world: BatchWorld, request: BatchRequest): Promise<void> {
  const id = request.path['id'] ?? '';
  const batch = await world.desk.batch(request.asker.owner, id);
  if (batch.shape !== shapeId)
    throw new GatewayError('not_found', `There is no job "${id.slice(0, 100)}".`, { param: 'id' });
  const { status, error } = statusOf(batch);
  const { total, done, failed } = batch.counts;
  const head = {
    batch_id: batch.id,
    status,
    ...present({ error }),
    progress: { total, done, failed },
  };
  if (status === 'processing') {
    sendJson(request, head);
    return;
  }
  await sendBytes(
    request,
    200,
    ['content-type', 'application/json'],
    writeResults(head, world.desk.readOutput(batch, 'output')),
  );
}

/** A job has three words for what a batch has eight; the error says which it was. */
function statusOf(batch: Batch): {
  readonly status: 'processing' | 'completed' | 'failed';
  readonly error?: string;
} {
  switch (batch.state) {
    case 'assembling':
    case 'running':
    case 'finishing':
    case 'cancelling':
      return { status: 'processing' };
    case 'completed':
      return { status: 'completed' };
    case 'failed':
      return { status: 'failed', error: batch.problems[0]?.message ?? 'The job could not be run.' };
    case 'cancelled':
      return {
        status: 'failed',
        error: 'The job was cancelled. Its results are those that were there by then.',
      };
    case 'expired':
      return {
        status: 'failed',
        error: 'The time for the job ran out. Its results are those that were there by then.',
      };
  }
}

export const batches: BatchFolder = {
  id: 'jobs',
  shape: createShape,
  routes,
  encodeError: encodeChatError,
};

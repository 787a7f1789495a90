/** What apps with an Anthropic client submit batches by: `/v1/messages/batches`. */
import type { DeletedMessageBatch } from '@anthropic-ai/sdk/resources/messages/batches';
import type { Batch } from '../../../batch/contract.ts';
import { GatewayError } from '../../../core/errors.ts';
import { present } from '../../../core/present.ts';
import { encodeError } from '../../dialects/anthropic/errors.ts';
import type { BatchFolder, BatchRequest, BatchRoute, BatchWorld } from '../contract.ts';
import { readLimit, sendBytes, sendJson } from '../reply.ts';
import { encodeBatch, statusOf } from './batch-object.ts';
import { create } from './create.ts';
import { originOf } from './origin.ts';
import { createShape, shapeId } from './shape.ts';

const routes: readonly BatchRoute[] = [
  { method: 'POST', path: '/v1/messages/batches', handle: create },
  { method: 'GET', path: '/v1/messages/batches', handle: list },
  {
    method: 'GET',
    path: '/v1/messages/batches/:id',
    async handle(world, request) {
      sendJson(request, encodeBatch(await find(world, request), originOf(request.incoming)));
    },
  },
  {
    method: 'DELETE',
    path: '/v1/messages/batches/:id',
    async handle(world, request) {
      const { id } = await find(world, request);
      await world.desk.remove(request.asker.owner, id);
      sendJson(request, { id, type: 'message_batch_deleted' } satisfies DeletedMessageBatch);
    },
  },
  {
    method: 'POST',
    path: '/v1/messages/batches/:id/cancel',
    async handle(world, request) {
      const { id } = await find(world, request);
      const batch = await world.desk.cancel(request.asker.owner, id);
      sendJson(request, encodeBatch(batch, originOf(request.incoming)));
    },
  },
  { method: 'GET', path: '/v1/messages/batches/:id/results', handle: results },
];

async function find({ desk }: BatchWorld, { asker, path }: BatchRequest): Promise<Batch> {
  const id = path['id'] ?? '';
  const batch = await desk.batch(asker.owner, id);
  if (batch.shape === shapeId) return batch;
  throw new GatewayError('not_found', `There is no message batch "${id.slice(0, 100)}".`);
}

async function list({ desk }: BatchWorld, request: BatchRequest): Promise<void> {
  const { query, asker, incoming } = request;
  const after = query.get('after_id') ?? undefined;
  const before = query.get('before_id') ?? undefined;
  if (after !== undefined && before !== undefined)
    throw new GatewayError('invalid_request', 'after_id and before_id are both given; give one of them.');
  const { data, hasMore } = await desk.batches(asker.owner, {
    shape: shapeId,
    limit: readLimit(query, 20, 1000),
    ...present({ after, before }),
  });
  const origin = originOf(incoming);
  sendJson(request, {
    data: data.map((batch) => encodeBatch(batch, origin)),
    has_more: hasMore,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  });
}

async function results(world: BatchWorld, request: BatchRequest): Promise<void> {
  const batch = await find(world, request);
  if (statusOf(batch) !== 'ended')
    throw new GatewayError(
      'invalid_request',
      `The batch ${batch.id} has not ended; its results are there when its processing_status is "ended".`,
    );
  await sendBytes(
    request,
    200,
    [
      'content-type',
      'application/x-jsonl',
      'content-disposition',
      `attachment; filename="${batch.id}_results.jsonl"`,
    ],
    world.desk.readOutput(batch, 'output'),
  );
}

export const batches: BatchFolder = { id: 'anthropic', shape: createShape, routes, encodeError };

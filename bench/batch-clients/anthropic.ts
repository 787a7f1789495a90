/** The official Anthropic SDK for Node: message batches. */
import Anthropic from '@anthropic-ai/sdk';
import { type Adapter, modeOf } from './adapters.ts';
import { type Item, type MessagesBody, messageItems } from './bodies.ts';
import type { Cell } from './tally.ts';
import { comparable, truth } from './truth.ts';
import { pause, until, type World } from './world.ts';

const createAnthropic = (world: World, apiKey = world.key): Anthropic =>
  new Anthropic({ baseURL: world.url, apiKey, maxRetries: 0, fetch: world.fetch });

const submit = (client: Anthropic, items: readonly Item<MessagesBody>[]) =>
  client.messages.batches.create({
    requests: items.map(({ customId, body }) => ({ custom_id: customId, params: body })),
  });

const ended = (client: Anthropic, id: string) =>
  until(
    () => client.messages.batches.retrieve(id),
    (batch) => batch.processing_status === 'ended',
  );

export async function anthropicFlow(world: World, cell: Cell, adapter: Adapter): Promise<void> {
  const client = createAnthropic(world);
  const items = messageItems(adapter);
  const batch = await submit(client, items);
  cell.check(batch.request_counts.processing === items.length, () => 'not all are processing');
  const done = await ended(client, batch.id);
  const counts = done.request_counts;
  cell.check(counts.succeeded === items.length, () => `counts ${JSON.stringify(counts)}`);
  const seen = new Map<string, Anthropic.Messages.Batches.MessageBatchIndividualResponse>();
  for await (const line of await client.messages.batches.results(batch.id)) {
    cell.check(!seen.has(line.custom_id), () => `${line.custom_id} twice`);
    seen.set(line.custom_id, line);
  }
  for (const { customId, kind, body } of items) {
    const line = seen.get(customId);
    const wanted = await truth(world, '/v1/messages', body);
    const got =
      line?.result.type === 'succeeded' ? comparable(line.result.message) : JSON.stringify(line?.result);
    cell.check(got === wanted, () => `${kind}: ${got} instead of ${wanted}`);
    const { mode }: { mode?: unknown } = Object(Object(line).intermodal);
    cell.check(mode === modeOf(adapter, kind), () => `${kind} went ${String(mode)}`);
  }
  const listed: string[] = [];
  for await (const one of client.messages.batches.list({ limit: 2 })) listed.push(one.id);
  cell.check(listed.includes(batch.id), () => 'not in the list');
  await checkOwner(world, cell, batch.id);
  await client.messages.batches.delete(batch.id);
  await refused(cell, client.messages.batches.retrieve(batch.id), 404, 'a deleted batch');
}

async function checkOwner(world: World, cell: Cell, id: string): Promise<void> {
  const { batches } = createAnthropic(world, world.otherKey).messages;
  await refused(cell, batches.retrieve(id), 404, 'a batch of another key');
  await refused(cell, batches.cancel(id), 404, 'cancelling a batch of another key');
  await refused(cell, batches.delete(id), 404, 'deleting a batch of another key');
  await refused(cell, batches.results(id), 404, 'results of another key');
}

async function refused(cell: Cell, asked: Promise<unknown>, status: number, what: string): Promise<void> {
  const thrown = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  cell.check(
    thrown instanceof Anthropic.APIError && thrown.status === status,
    () => `${what}: ${String(thrown)}`,
  );
}

export async function anthropicMixed(world: World, cell: Cell, all: readonly Adapter[]): Promise<void> {
  const client = createAnthropic(world);
  const items = all.flatMap((adapter, index) =>
    messageItems({ ...adapter, least: 1 })
      .slice(0, 2)
      .map((item) => ({ ...item, customId: `${item.customId}-${index}` })),
  );
  const { id } = await submit(client, items);
  await ended(client, id);
  const seen = new Map<string, string>();
  for await (const { custom_id, result } of await client.messages.batches.results(id))
    seen.set(custom_id, result.type === 'succeeded' ? comparable(result.message) : JSON.stringify(result));
  for (const { customId, body } of items) {
    const wanted = await truth(world, '/v1/messages', body);
    cell.check(
      seen.get(customId) === wanted,
      () => `${customId}: ${seen.get(customId)} instead of ${wanted}`,
    );
  }
}

export async function anthropicCancel(
  world: World,
  cell: Cell,
  adapter: Adapter,
  release: () => Promise<void>,
): Promise<void> {
  const client = createAnthropic(world);
  const items = messageItems(adapter);
  const { id } = await submit(client, items);
  await pause(1_200);
  const cancelled = await client.messages.batches.cancel(id);
  cell.check(['canceling', 'ended'].includes(cancelled.processing_status), () => cancelled.processing_status);
  await release();
  const { request_counts: counts } = await ended(client, id);
  const settled = counts.canceled + counts.succeeded + counts.errored + counts.expired;
  cell.check(settled === items.length, () => `counts ${JSON.stringify(counts)}`);
  if (adapter.name !== 'jobs')
    // What goes by sync calls may have been answered before.
    cell.check(
      counts.canceled >= items.filter(({ kind }) => modeOf(adapter, kind) === 'batch').length,
      () => `counts ${JSON.stringify(counts)}`,
    );
}

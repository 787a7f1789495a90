/** The official OpenAI SDK for Node: files, batches, results, cancel, delete. */
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import type { BatchCreateParams } from 'openai/resources/batches';
import { type Adapter, modeOf } from './adapters.ts';
import { chatItems, embeddingItems, type Item, mixedItems, plainItems } from './bodies.ts';
import type { Cell } from './tally.ts';
import { comparable, essence, truth } from './truth.ts';
import { pause, until, type World } from './world.ts';

type Endpoint = BatchCreateParams['endpoint'];
const final = ['completed', 'failed', 'cancelled', 'expired'];
let files = 0;

export const createOpenAi = (world: World, apiKey = world.key): OpenAI =>
  new OpenAI({ baseURL: `${world.url}/v1`, apiKey, maxRetries: 0, fetch: world.fetch });

export const lineOf = ({ customId, body }: Item<object>, url: string): object => ({
  custom_id: customId,
  method: 'POST',
  url,
  body,
});

export async function byFile(
  world: World,
  items: readonly Item<object>[],
  endpoint: Endpoint,
): Promise<OpenAI.Batch> {
  const client = createOpenAi(world);
  const path = join(world.scene.folder, `items-${files++}.jsonl`);
  writeFileSync(path, items.map((item) => `${JSON.stringify(lineOf(item, endpoint))}\n`).join(''));
  const file = await client.files.create({ file: createReadStream(path), purpose: 'batch' });
  return client.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h' });
}

/** `requests` is ours; the SDK sends what it is given. */
export const inline = (world: World, items: readonly Item<object>[], endpoint: Endpoint) =>
  createOpenAi(world).post<OpenAI.Batch>('/batches', {
    body: { requests: items.map((item) => lineOf(item, endpoint)), endpoint, completion_window: '24h' },
  });

export const ended = (world: World, id: string): Promise<OpenAI.Batch> =>
  until(
    () => createOpenAi(world).batches.retrieve(id),
    ({ status }) => final.includes(status),
  );

interface ResultLine {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: unknown };
  readonly intermodal: { readonly mode: string; readonly target: string };
}

export async function readLines(world: World, fileId: string | null | undefined): Promise<ResultLine[]> {
  if (fileId === null || fileId === undefined) return [];
  const text = await (await createOpenAi(world).files.content(fileId)).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Every item has one result, which is the truth. `modeFor`: how each must have travelled. */
export async function checkResults(
  world: World,
  cell: Cell,
  batch: OpenAI.Batch,
  items: readonly Item<object>[],
  modeFor?: (kind: string) => string,
): Promise<void> {
  const complaint = `${batch.status} ${JSON.stringify(batch.errors)}`;
  cell.check(batch.status === 'completed', () => complaint);
  const counts = batch.request_counts;
  cell.check(
    counts?.total === items.length && counts.completed === items.length && counts.failed === 0,
    () => `counts ${JSON.stringify(counts)} of ${items.length}`,
  );
  const failures = await readLines(world, batch.error_file_id);
  for (const line of failures.slice(0, 3)) cell.check(false, () => `failed: ${JSON.stringify(line)}`);
  const lines = await readLines(world, batch.output_file_id);
  cell.check(lines.length === items.length, () => `${lines.length} results of ${items.length}`);
  const byId = new Map(lines.map((line) => [line.custom_id, line]));
  for (const { customId, kind, body } of items) {
    const line = byId.get(customId);
    const wanted = await truth(world, batch.endpoint, body);
    const seen = line === undefined ? 'nothing' : comparable(line.response.body);
    const ofJob = line?.intermodal.target.startsWith('jobs/') === true;
    cell.check(
      ofJob ? essence(seen) === essence(wanted) : seen === wanted,
      () => `${kind}: ${seen} instead of ${wanted}`,
    );
    const mode = line?.intermodal.mode;
    if (modeFor !== undefined) cell.check(mode === modeFor(kind), () => `${kind} went ${mode}`);
  }
}

export async function openAiFlow(world: World, cell: Cell, adapter: Adapter): Promise<void> {
  const client = createOpenAi(world);
  const items = chatItems(adapter);
  const modeFor = (kind: string): string => modeOf(adapter, kind);
  const batch = await byFile(world, items, '/v1/chat/completions');
  const done = await ended(world, batch.id);
  await checkResults(world, cell, done, items, modeFor);
  const small = plainItems(adapter);
  const second = await inline(world, small, '/v1/chat/completions');
  await checkResults(world, cell, await ended(world, second.id), small, modeFor);
  if (adapter.embeds !== undefined) {
    const vectors = embeddingItems(adapter.embeds, adapter.least);
    const third = await byFile(world, vectors, '/v1/embeddings');
    await checkResults(world, cell, await ended(world, third.id), vectors, modeFor);
  }
  const listed: string[] = [];
  for await (const one of client.batches.list({ limit: 2 })) listed.push(one.id);
  cell.check(listed.includes(batch.id) && listed.includes(second.id), () => 'not in the list');
  cell.check(new Set(listed).size === listed.length, () => 'twice in the list');
  await checkOwner(world, cell, done);
  const gone = await client.files.delete(done.output_file_id ?? '');
  cell.check(gone.deleted, () => 'the output is not deleted');
  await refused(cell, client.files.content(done.output_file_id ?? ''), 404, 'a deleted file');
  await client.files.delete(done.input_file_id);
  await refused(cell, client.files.retrieve(done.input_file_id), 404, 'a deleted input');
}

/** Whose key is another sees nothing. */
async function checkOwner(world: World, cell: Cell, batch: OpenAI.Batch): Promise<void> {
  const other = createOpenAi(world, world.otherKey);
  await refused(cell, other.batches.retrieve(batch.id), 404, 'a batch of another key');
  await refused(cell, other.batches.cancel(batch.id), 404, 'cancelling a batch of another key');
  for (const id of [batch.input_file_id, batch.output_file_id ?? '']) {
    await refused(cell, other.files.retrieve(id), 404, 'a file of another key');
    await refused(cell, other.files.content(id), 404, 'content of another key');
    await refused(cell, other.files.delete(id), 404, 'deleting a file of another key');
  }
  const create = other.batches.create({
    input_file_id: batch.input_file_id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  await refused(cell, create, 404, 'a batch of a file of another key');
  const listed = await other.batches.list();
  cell.check(
    listed.data.every(({ id }) => id !== batch.id),
    () => 'another key lists it',
  );
}

async function refused(cell: Cell, asked: Promise<unknown>, status: number, what: string): Promise<void> {
  const thrown = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  cell.check(
    thrown instanceof OpenAI.APIError && thrown.status === status,
    () => `${what}: ${String(thrown)}`,
  );
}

export async function openAiMixed(world: World, cell: Cell, all: readonly Adapter[]): Promise<void> {
  const items = mixedItems(all);
  const batch = await byFile(world, items, '/v1/chat/completions');
  await checkResults(world, cell, await ended(world, batch.id), items);
}

/** While jobs are stuck. Where a provider cannot cancel, what runs is awaited: `release` lets it end. */
export async function openAiCancel(
  world: World,
  cell: Cell,
  adapter: Adapter,
  release: () => Promise<void>,
): Promise<void> {
  const client = createOpenAi(world);
  const items = plainItems(adapter);
  const batch = await byFile(world, items, '/v1/chat/completions');
  await until(
    () => client.batches.retrieve(batch.id),
    ({ status }) => status === 'in_progress',
  );
  await pause(600);
  const cancelled = await client.batches.cancel(batch.id);
  cell.check(['cancelling', 'cancelled'].includes(cancelled.status), () => `it is ${cancelled.status}`);
  await release();
  const done = await ended(world, batch.id);
  cell.check(done.status === 'cancelled', () => `it ended ${done.status}`);
  cell.check(done.cancelled_at !== null, () => 'it has no cancelled_at');
  const lines = [
    ...(await readLines(world, done.output_file_id)),
    ...(await readLines(world, done.error_file_id)),
  ];
  cell.check(
    new Set(lines.map((line) => line.custom_id)).size === items.length && lines.length === items.length,
    () => `${lines.length} results of ${items.length}`,
  );
  await refused(cell, client.batches.cancel(batch.id), 409, 'cancelled twice');
}

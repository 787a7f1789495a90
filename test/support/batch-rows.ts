/** Rows of batch work as most are; a test names only what it is about. */
import type { Batch, Item, ItemError, ItemState, Lane, Submission } from '../../src/batch/contract.ts';
import type {
  AddedItems,
  BatchStores,
  CreatedBatch,
  Settled,
  Work,
} from '../../src/stores/batch/contract.ts';
import { openStores } from '../../src/stores/open.ts';

export const noon = Date.UTC(2026, 10, 21, 12);

export const failure: ItemError = { code: 'upstream_fault', message: 'The provider failed.', status: 502 };

export const noSums = {
  costNanoUsd: 0,
  listNanoUsd: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  repaired: 0,
};

/** More than any test has. */
export const everything = { items: 1e6, bytes: 1e12, inputTokens: 1e12, envelopeBytes: 0 };

export function created(id: string, changes: Partial<CreatedBatch> = {}): CreatedBatch {
  return {
    id,
    owner: 'search',
    shape: 'openai',
    endpoint: '/v1/chat/completions',
    inputBlob: `inputs/${id}`,
    inputBytes: 1000,
    windowMs: 86_400_000,
    metadata: {},
    tags: [],
    priority: 'normal',
    createdAtMs: noon,
    deadlineAtMs: noon + 86_400_000,
    ...changes,
  };
}

export async function makeBatch(
  rows: BatchStores,
  id = 'batch_a',
  changes: Partial<CreatedBatch> = {},
): Promise<Batch> {
  return (await rows.batches.create(created(id, changes))).batch;
}

/** One that was just created, in a store of its own. */
export async function readFirstBatch(): Promise<Batch> {
  const stores = await openStores(':memory:');
  try {
    return await makeBatch(stores.batch);
  } finally {
    await stores.close();
  }
}

export function item(batchNo: number, seq: number, changes: Partial<Item> = {}): Item {
  return {
    batchNo,
    seq,
    customId: `id-${seq}`,
    at: seq * 100,
    bytes: 90,
    hash: `hash-${seq}`,
    lane: 0,
    step: 0,
    state: 'waiting',
    strikes: 0,
    formStrikes: 0,
    attempts: 0,
    dueAtMs: noon,
    inputTokens: 10,
    ...changes,
  };
}

export const lane = (batchNo: number, number = 0): Lane => ({
  batchNo,
  lane: number,
  model: 'classify',
  route: 'classify',
  operation: 'chat',
  chain: ['openai/gpt-4.1-nano@batch', 'openai/gpt-4.1-nano'],
  checked: false,
  role: 'answer',
});

export function added(items: readonly Item[], changes: Partial<AddedItems> = {}): AddedItems {
  return {
    items,
    lanes: [],
    assembledLines: items.at(-1)?.seq ?? 0,
    assembledBytes: items.length * 100,
    problems: [],
    estimateNanoUsd: 0,
    reused: 0,
    prefiltered: 0,
    ...changes,
  };
}

/** A running batch of items in those states, one line each. */
export async function runningBatch(
  rows: BatchStores,
  states: readonly ItemState[],
  changes: (seq: number) => Partial<Item> = () => ({}),
): Promise<Batch> {
  const batch = await makeBatch(rows);
  const items = states.map((state, index) => item(batch.no, index + 1, { state, ...changes(index + 1) }));
  await rows.items.add(batch.no, 1, added(items, { lanes: [lane(batch.no)] }));
  await rows.batches.move(batch.no, ['assembling'], 'running');
  return batch;
}

export function planned(
  batchNo: number,
  id: string,
  changes: Partial<Submission> = {},
): Omit<Submission, 'items' | 'bytes' | 'inputTokens'> {
  return {
    id,
    batchNo,
    lane: 0,
    step: 0,
    target: 'openai/gpt-4.1-nano@batch',
    operation: 'chat',
    state: 'planned',
    estimateNanoUsd: 500,
    tries: 0,
    dueAtMs: noon,
    costNanoUsd: 0,
    createdAtMs: noon,
    ...changes,
  };
}

export function done(seq: number, changes: Partial<Settled> = {}): Settled {
  return {
    seq,
    state: 'done',
    attempted: true,
    result: { segment: 1, at: seq * 10, bytes: 9, costNanoUsd: 5, listNanoUsd: 10 },
    ...changes,
  };
}

export const seqs = (items: readonly { readonly seq: number }[]): readonly number[] =>
  items.map(({ seq }) => seq);

export const states = (items: readonly Item[]): string => items.map(({ state }) => state).join(' ');

export type SubmissionWork = Extract<Work, { kind: 'submission' }>;

/** Claims until it is that submission. */
export async function claimSubmission(
  rows: BatchStores,
  id: string,
  nowMs = noon,
  leaseMs = 1000,
): Promise<SubmissionWork> {
  for (let tries = 0; tries < 100; tries++) {
    const work = await rows.work.claim(nowMs, leaseMs);
    if (work === undefined) break;
    if (work.kind === 'submission' && work.submission.id === id) return work;
  }
  throw new Error(`The submission ${id} cannot be claimed.`);
}

/** A batch as a row, and back. */
import { type Batch, type BatchState, batchStates, type ItemCounts } from '../../batch/contract.ts';
import { storable } from '../ledger-row.ts';
import type { BatchPatch, CreatedBatch } from './contract.ts';
import { unheld } from './held.ts';
import { readList, readMap, readProblems, readWebhook } from './json.ts';
import type { BatchTable, CountColumns } from './tables.ts';

/** States in which nothing is left to do. A batch may come back from one of them. */
export const endedBatchStates: readonly BatchState[] = ['completed', 'failed', 'cancelled', 'expired'];
export const liveBatchStates: readonly BatchState[] = batchStates.filter(
  (state) => !endedBatchStates.includes(state),
);

const noItems: CountColumns = {
  waiting_items: 0,
  submitted_items: 0,
  alone_items: 0,
  twin_items: 0,
  done_items: 0,
  rejected_items: 0,
  dead_items: 0,
  cancelled_items: 0,
  expired_items: 0,
};

export function newBatchRow(no: number, batch: CreatedBatch): BatchTable {
  return {
    ...noItems,
    ...unheld,
    no,
    id: batch.id,
    owner: storable(batch.owner),
    team: batch.team === undefined ? null : storable(batch.team),
    shape: batch.shape,
    endpoint: batch.endpoint,
    input_file_id: batch.inputFileId ?? null,
    input_blob: batch.inputBlob,
    input_bytes: batch.inputBytes,
    window_ms: batch.windowMs,
    metadata: JSON.stringify(batch.metadata),
    tags: JSON.stringify(batch.tags),
    priority: batch.priority,
    webhook: batch.webhook === undefined ? null : JSON.stringify(batch.webhook),
    idempotency_key: batch.idempotencyKey === undefined ? null : storable(batch.idempotencyKey),
    reuse_ms: batch.reuseMs ?? null,
    keep_ms: batch.keepMs ?? null,
    state: 'assembling',
    assembled_lines: 0,
    assembled_bytes: 0,
    problems: '[]',
    twins: 0,
    reused: 0,
    prefiltered: 0,
    repaired: 0,
    estimate_nano_usd: 0,
    cost_nano_usd: 0,
    list_nano_usd: 0,
    input_tokens: 0,
    cache_read_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    model: null,
    outputs: '{}',
    due_at_ms: batch.createdAtMs,
    created_at_ms: batch.createdAtMs,
    deadline_at_ms: batch.deadlineAtMs,
    running_at_ms: null,
    finishing_at_ms: null,
    cancelling_at_ms: null,
    ended_at_ms: null,
    deleted_at_ms: null,
  };
}

export function patchRow(patch: BatchPatch): Partial<BatchTable> {
  const row: Partial<BatchTable> = {};
  if (patch.problems !== undefined) row.problems = JSON.stringify(patch.problems);
  if (patch.outputs !== undefined) row.outputs = JSON.stringify(patch.outputs);
  if (patch.estimateNanoUsd !== undefined) row.estimate_nano_usd = patch.estimateNanoUsd;
  if (patch.model !== undefined) row.model = storable(patch.model);
  if (patch.deadlineAtMs !== undefined) row.deadline_at_ms = patch.deadlineAtMs;
  if (patch.runningAtMs !== undefined) row.running_at_ms = patch.runningAtMs;
  if (patch.finishingAtMs !== undefined) row.finishing_at_ms = patch.finishingAtMs;
  if (patch.cancellingAtMs !== undefined) row.cancelling_at_ms = patch.cancellingAtMs;
  if (patch.endedAtMs !== undefined) row.ended_at_ms = patch.endedAtMs;
  if (patch.deletedAtMs !== undefined) row.deleted_at_ms = patch.deletedAtMs;
  return row;
}

export function readCounts(
  row: CountColumns,
): ItemCounts & { readonly open: number; readonly twins: number } {
  const open = row.waiting_items + row.submitted_items + row.alone_items + row.twin_items;
  const failed = row.rejected_items + row.dead_items;
  return {
    total: open + failed + row.done_items + row.cancelled_items + row.expired_items,
    done: row.done_items,
    failed,
    cancelled: row.cancelled_items,
    expired: row.expired_items,
    open,
    twins: row.twin_items,
  };
}

export function readBatch(row: BatchTable): Batch {
  const { open: _open, twins: _twins, ...counts } = readCounts(row);
  return {
    ...readWanted(row),
    ...readTimes(row),
    state: row.state,
    counts,
    assembledLines: row.assembled_lines,
    assembledBytes: row.assembled_bytes,
    problems: readProblems(row.problems),
    twins: row.twins,
    reused: row.reused,
    prefiltered: row.prefiltered,
    repaired: row.repaired,
    estimateNanoUsd: row.estimate_nano_usd,
    costNanoUsd: row.cost_nano_usd,
    listNanoUsd: row.list_nano_usd,
    inputTokens: row.input_tokens,
    cacheReadTokens: row.cache_read_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    ...(row.model === null ? {} : { model: row.model }),
    outputs: readMap(row.outputs),
  };
}

/** What the caller asked for; it never changes. */
function readWanted(row: BatchTable) {
  return {
    id: row.id,
    no: row.no,
    owner: row.owner,
    ...(row.team === null ? {} : { team: row.team }),
    shape: row.shape,
    endpoint: row.endpoint,
    ...(row.input_file_id === null ? {} : { inputFileId: row.input_file_id }),
    inputBlob: row.input_blob,
    inputBytes: row.input_bytes,
    windowMs: row.window_ms,
    metadata: readMap(row.metadata),
    tags: readList(row.tags),
    priority: row.priority,
    ...(row.webhook === null ? {} : { webhook: readWebhook(row.webhook) }),
    ...(row.idempotency_key === null ? {} : { idempotencyKey: row.idempotency_key }),
    ...(row.reuse_ms === null ? {} : { reuseMs: row.reuse_ms }),
    ...(row.keep_ms === null ? {} : { keepMs: row.keep_ms }),
  };
}

function readTimes(row: BatchTable) {
  return {
    createdAtMs: row.created_at_ms,
    deadlineAtMs: row.deadline_at_ms,
    ...(row.running_at_ms === null ? {} : { runningAtMs: row.running_at_ms }),
    ...(row.finishing_at_ms === null ? {} : { finishingAtMs: row.finishing_at_ms }),
    ...(row.cancelling_at_ms === null ? {} : { cancellingAtMs: row.cancelling_at_ms }),
    ...(row.ended_at_ms === null ? {} : { endedAtMs: row.ended_at_ms }),
    ...(row.deleted_at_ms === null ? {} : { deletedAtMs: row.deleted_at_ms }),
  };
}

/** A submission as a row, and back. */
import { type Submission, type SubmissionState, submissionStates } from '../../batch/contract.ts';
import { unheld } from './held.ts';
import { readError } from './json.ts';
import type { SubmissionTable } from './tables.ts';

export type SubmissionPatch = Partial<Omit<Submission, 'id' | 'batchNo' | 'state'>>;

const finalSubmissionStates: readonly SubmissionState[] = ['collected', 'refused'];
/** What is left to be done something about. */
export const liveSubmissionStates: readonly SubmissionState[] = submissionStates.filter(
  (state) => !finalSubmissionStates.includes(state),
);

export function newSubmissionRow(submission: Submission): SubmissionTable {
  return {
    ...unheld,
    live: liveSubmissionStates.includes(submission.state) ? 1 : 0,
    due_at_ms: submission.dueAtMs,
    id: submission.id,
    batch_no: submission.batchNo,
    lane: submission.lane,
    step: submission.step,
    target: submission.target,
    operation: submission.operation,
    state: submission.state,
    items: submission.items,
    bytes: submission.bytes,
    input_tokens: submission.inputTokens,
    rough_input_tokens: submission.roughInputTokens ?? null,
    estimate_nano_usd: submission.estimateNanoUsd,
    handle: submission.handle ?? null,
    tries: submission.tries,
    how: submission.how ?? null,
    error: submission.error === undefined ? null : JSON.stringify(submission.error),
    cost_nano_usd: submission.costNanoUsd,
    created_at_ms: submission.createdAtMs,
    sent_at_ms: submission.sentAtMs ?? null,
    ended_at_ms: submission.endedAtMs ?? null,
  };
}

export function submissionPatchRow(patch: SubmissionPatch): Partial<SubmissionTable> {
  const row: Partial<SubmissionTable> = {};
  if (patch.lane !== undefined) row.lane = patch.lane;
  if (patch.step !== undefined) row.step = patch.step;
  if (patch.target !== undefined) row.target = patch.target;
  if (patch.operation !== undefined) row.operation = patch.operation;
  if (patch.items !== undefined) row.items = patch.items;
  if (patch.bytes !== undefined) row.bytes = patch.bytes;
  if (patch.inputTokens !== undefined) row.input_tokens = patch.inputTokens;
  if (patch.roughInputTokens !== undefined) row.rough_input_tokens = patch.roughInputTokens;
  if (patch.estimateNanoUsd !== undefined) row.estimate_nano_usd = patch.estimateNanoUsd;
  if (patch.handle !== undefined) row.handle = patch.handle;
  if (patch.tries !== undefined) row.tries = patch.tries;
  if (patch.dueAtMs !== undefined) row.due_at_ms = patch.dueAtMs;
  if (patch.how !== undefined) row.how = patch.how;
  if (patch.error !== undefined) row.error = JSON.stringify(patch.error);
  if (patch.costNanoUsd !== undefined) row.cost_nano_usd = patch.costNanoUsd;
  if (patch.createdAtMs !== undefined) row.created_at_ms = patch.createdAtMs;
  if (patch.sentAtMs !== undefined) row.sent_at_ms = patch.sentAtMs;
  if (patch.endedAtMs !== undefined) row.ended_at_ms = patch.endedAtMs;
  return row;
}

export function readSubmission(row: SubmissionTable): Submission {
  return {
    id: row.id,
    batchNo: row.batch_no,
    lane: row.lane,
    step: row.step,
    target: row.target,
    operation: row.operation,
    state: row.state,
    items: row.items,
    bytes: row.bytes,
    inputTokens: row.input_tokens,
    ...(row.rough_input_tokens === null ? {} : { roughInputTokens: row.rough_input_tokens }),
    estimateNanoUsd: row.estimate_nano_usd,
    ...(row.handle === null ? {} : { handle: row.handle }),
    tries: row.tries,
    dueAtMs: row.due_at_ms,
    ...(row.how === null ? {} : { how: row.how }),
    ...(row.error === null ? {} : { error: readError(row.error) }),
    costNanoUsd: row.cost_nano_usd,
    createdAtMs: row.created_at_ms,
    ...(row.sent_at_ms === null ? {} : { sentAtMs: row.sent_at_ms }),
    ...(row.ended_at_ms === null ? {} : { endedAtMs: row.ended_at_ms }),
  };
}

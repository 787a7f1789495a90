/** What a submission has cost, for the ledger: one entry for all its answers. */

import { parseTarget } from '../core/target.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import type { ReadAnswer, Reading } from './answer.ts';
import type { Batch, Lane, Submission } from './contract.ts';

export interface SubmissionSums {
  readonly answers: number;
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Every answer said what it used. */
  readonly exact: boolean;
}

export const noSums: SubmissionSums = {
  answers: 0,
  costNanoUsd: 0,
  listNanoUsd: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  exact: true,
};

export function addSums(
  sums: SubmissionSums,
  { usage, costNanoUsd, listNanoUsd }: ReadAnswer,
): SubmissionSums {
  return {
    answers: sums.answers + 1,
    costNanoUsd: sums.costNanoUsd + costNanoUsd,
    listNanoUsd: sums.listNanoUsd + listNanoUsd,
    inputTokens: sums.inputTokens + (usage?.inputTokens ?? 0),
    cacheReadTokens: sums.cacheReadTokens + (usage?.cacheReadTokens ?? 0),
    cacheWriteTokens: sums.cacheWriteTokens + (usage?.cacheWriteTokens ?? 0),
    outputTokens: sums.outputTokens + (usage?.outputTokens ?? 0),
    reasoningTokens: sums.reasoningTokens + (usage?.reasoningTokens ?? 0),
    exact: sums.exact && usage?.inputTokens !== undefined,
  };
}

/** Named by the submission, so that a crash before or after it is written changes nothing. */
export function ledgerEntry(
  { batch, lane }: Pick<Reading, 'batch' | 'lane'>,
  submission: Submission,
  sums: SubmissionSums,
  nowMs: number,
): LedgerEntry {
  const { answers, ...counted } = sums;
  return {
    atMs: nowMs,
    ...common(batch, lane, submission),
    outcome: answers > 0 ? 'served' : 'failed',
    items: answers,
    ...counted,
    ...roughOf(submission, answers),
    durationMs: nowMs - (submission.sentAtMs ?? nowMs),
  };
}

/** Of those that were answered, taken to be like the others. */
function roughOf({ roughInputTokens, items }: Submission, answers: number): Partial<LedgerEntry> {
  if (roughInputTokens === undefined || items === 0) return {};
  return { roughInputTokens: Math.round((roughInputTokens * Math.min(answers, items)) / items) };
}

/** That a submission may have been run, which nobody can know: the most that it was expected to cost. */
export function unknowableEntry(
  batch: Batch,
  lane: Lane,
  submission: Submission,
  nowMs: number,
): LedgerEntry {
  return {
    ...common(batch, lane, submission),
    atMs: nowMs,
    outcome: 'unknown',
    items: submission.items,
    costNanoUsd: submission.estimateNanoUsd,
    listNanoUsd: submission.estimateNanoUsd,
    exact: false,
    durationMs: nowMs - (submission.sentAtMs ?? nowMs),
  };
}

function common(batch: Batch, lane: Lane, submission: Submission) {
  const target = parseTarget(submission.target);
  return {
    id: submission.id,
    requestId: batch.id,
    ...(batch.owner === '' ? {} : { key: batch.owner }),
    ...(batch.team === undefined ? {} : { team: batch.team }),
    route: lane.route,
    provider: target?.provider ?? '',
    model: target?.model ?? submission.target,
    mode: target?.mode ?? 'batch',
    stream: false,
    tags: batch.tags,
  };
}

/** What a submission has cost, for the ledger: one entry for all its answers. */
import type { LedgerEntry } from '../stores/contract.ts';
import type { ReadAnswer, Reading } from './answer.ts';
import type { Submission } from './contract.ts';

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
  { batch, lane, target }: Reading,
  submission: Submission,
  sums: SubmissionSums,
  nowMs: number,
): LedgerEntry {
  const { answers, ...counted } = sums;
  return {
    id: submission.id,
    requestId: batch.id,
    atMs: nowMs,
    ...(batch.owner === '' ? {} : { key: batch.owner }),
    ...(batch.team === undefined ? {} : { team: batch.team }),
    route: lane.route,
    provider: target.provider,
    model: target.model.id,
    mode: target.mode,
    outcome: answers > 0 ? 'served' : 'failed',
    stream: false,
    tags: batch.tags,
    items: answers,
    ...counted,
    durationMs: nowMs - (submission.sentAtMs ?? nowMs),
  };
}

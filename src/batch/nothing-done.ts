/** What a batch has done before its first line is read: nothing. */
import type { Batch } from './contract.ts';

export const nothingDone = {
  counts: { total: 0, done: 0, failed: 0, cancelled: 0, expired: 0 },
  assembledLines: 0,
  assembledBytes: 0,
  problems: [],
  twins: 0,
  reused: 0,
  prefiltered: 0,
  repaired: 0,
  estimateNanoUsd: 0,
  costNanoUsd: 0,
  listNanoUsd: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  outputs: {},
} satisfies Partial<Batch>;

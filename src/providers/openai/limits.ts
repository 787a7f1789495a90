/** OpenAI's limits: Go durations, a project's own share of the tokens, and requests that small accounts have by the day. */
import type { BatchLimits } from '../contract.ts';
import { createLimitReader, plainLimits } from '../families/openai-chat/limits.ts';

export const readLimits = createLimitReader({
  ...plainLimits,
  moreTokens: 'project-tokens',
  evenRefill: true,
});

export const batchLimits: BatchLimits = {
  mostItems: 50_000,
  // 209,715,200 by the API's own words, 200 MB by its guide's: a job a little smaller costs nothing, one too large is refused whole.
  mostBytes: 200_000_000,
  leastItems: 1,
  envelopeBytes: 128,
  windowMs: 24 * 3_600_000,
};

/** Anthropic's own API tells its limits as the protocol's family reads them; the clouds that host Claude tell none. */
import type { BatchLimits } from '../contract.ts';

export { createAnthropicLimitReader as createLimitReader } from '../families/anthropic-messages/limits.ts';

/**
 * 100,000 requests or 256 MB, whichever comes first, and 24 hours: platform.claude.com, build-with-claude/batch-processing, November 2026.
 * The page does not say which megabyte; with the larger one a full job would be a 413.
 */
export const batchLimits: BatchLimits = {
  mostItems: 100_000,
  mostBytes: 255_000_000,
  leastItems: 1,
  // {"custom_id":"…","params":…}, with an id of up to 29 characters.
  envelopeBytes: 64,
  windowMs: 86_400_000,
};

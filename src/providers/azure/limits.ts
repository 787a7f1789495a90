/** Azure's limits: resets without a unit, the period beside them, and -1 for what it does not know. */
import type { BatchLimits } from '../contract.ts';
import { createLimitReader, plainLimits } from '../families/openai-chat/limits.ts';

export const readLimits = createLimitReader({ ...plainLimits, tellsPeriod: true, bareReset: 'mixed' });

export const batchLimits: BatchLimits = {
  mostItems: 100_000,
  mostBytes: 200_000_000,
  leastItems: 1,
  envelopeBytes: 128,
  // What it aims at; it does not give up then, but goes on until all is done.
  windowMs: 24 * 3_600_000,
};

/** What one job may hold. Nothing is published but the 5,000 items that the vendor advises. */
import type { BatchLimits } from '../contract.ts';
import type { Settings } from './settings.ts';

export const limitsOf = ({ most_items: mostItems }: Settings): BatchLimits => ({
  mostItems,
  // Unknown, so modest: a body that is too large fails whole, while two jobs in place of one cost a call.
  mostBytes: 20_000_000,
  leastItems: 1,
  // "id":"…", in front of an item's own fields, with an id of up to 29 characters.
  envelopeBytes: 48,
  // Unknown as well: jobs were seen to run for hours.
  windowMs: 86_400_000,
});

/** 5 s for a small job, 30 s for a large one: nothing is remembered between two polls, so the job's size stands for their number. */
export const nextPollMs = (items: number): number => Math.min(30_000, 5000 + items * 5);

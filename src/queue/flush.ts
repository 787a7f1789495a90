/**
 * When requests that were gathered become a batch: when there are enough of them, when the first has waited long enough, or when the batch
 * would have too little time if it waited any longer. Pure.
 */
import type { WaitingPolicy } from '../router/contract.ts';
import type { WaitingGroup } from '../stores/queue/contract.ts';

/** What providers promise to need at most. */
const providerWindowMs = 24 * 3_600_000;
/**
 * Of less time than that, this share may be spent on gathering. More, and batches turn to single calls at full price before the provider is
 * done; less, and they are small.
 */
const gatherShare = 0.1;

type Policy = Pick<WaitingPolicy, 'batchItems' | 'batchAgeMs' | 'leastItems'>;

export type Flush =
  /** Not before then, unless more come. */
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'batch'; readonly limit: number; readonly why: 'count' | 'age' | 'deadline' }
  /** Too few for what a batch makes them wait. */
  | { readonly kind: 'queue' };

export function decideFlush(group: WaitingGroup, policy: Policy, nowMs: number): Flush {
  if (group.requests >= policy.batchItems)
    return { kind: 'batch', limit: limitOf(group, policy), why: 'count' };
  const byAgeMs = group.firstAtMs + policy.batchAgeMs;
  const byDeadlineMs = group.firstAtMs + mostGatheringMs(group);
  const dueMs = Math.min(byAgeMs, byDeadlineMs);
  if (nowMs < dueMs) return { kind: 'wait', untilMs: dueMs };
  if (group.requests < policy.leastItems) return { kind: 'queue' };
  return { kind: 'batch', limit: limitOf(group, policy), why: byAgeMs <= byDeadlineMs ? 'age' : 'deadline' };
}

/** As if the most hurried had come first, which errs towards flushing too soon. */
function mostGatheringMs({ firstAtMs, earliestDeadlineAtMs }: WaitingGroup): number {
  const timeMs = Math.max(0, earliestDeadlineAtMs - firstAtMs);
  return Math.max(timeMs - providerWindowMs, timeMs * gatherShare);
}

/** A remainder that would be too few by itself goes along: providers take a few more. */
function limitOf({ requests }: WaitingGroup, { batchItems, leastItems }: Policy): number {
  return requests < batchItems + leastItems ? requests : batchItems;
}

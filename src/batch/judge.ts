/**
 * What becomes of an item whose call did not answer it. Pure: one table of rules for submissions and single calls alike.
 *
 * Three strikes: after the first failed round a new submission, after the second another, after the third it is asked by itself, and
 * then it is a dead letter. What another target may do better goes there at once, without a strike; what nobody can do is dead at once.
 */
import { errorKinds } from '../core/errors.ts';
import type { Settled } from '../stores/batch/contract.ts';
import type { Item, ItemError } from './contract.ts';

/** What is left of the item's way. */
export interface Ways {
  /** The next batch target of its lane. */
  readonly next: number | undefined;
  /** Its chain ends in sync targets. */
  readonly direct: boolean;
  readonly nowMs: number;
  /** Waits before the second and the third submission. */
  readonly retryMs: readonly number[];
}

export type Failure =
  | {
      readonly kind: 'error';
      readonly error: ItemError;
      readonly retry: 'never' | 'same' | 'other' | 'later';
    }
  /** The provider gave up on it, or said nothing of it. */
  | { readonly kind: 'expired' | 'cancelled' | 'missing'; readonly error: ItemError }
  /** The submission that it was in failed as a whole. */
  | { readonly kind: 'refused'; readonly error: ItemError }
  /** Answered, in a form that it must not have. */
  | { readonly kind: 'form'; readonly error: ItemError };

export type Verdict = Pick<Settled, 'state' | 'step' | 'strikes' | 'formStrikes' | 'dueAtMs' | 'error'>;

/** Rounds that fail before an item is asked by itself. */
const mostStrikes = 3;

export function judge(item: Pick<Item, 'strikes' | 'formStrikes'>, failure: Failure, ways: Ways): Verdict {
  switch (failure.kind) {
    case 'error':
      return judgeError(item, failure.error, failure.retry, ways);
    case 'expired':
      // Another target may have it done in time; this one had its time.
      return ways.next === undefined ? strike(item, ways) : move(ways.next, ways);
    case 'cancelled':
      // We asked for it, since the deadline is near.
      return { state: 'alone', dueAtMs: ways.nowMs };
    case 'missing':
      return strike(item, ways);
    case 'refused':
      return judgeRefused(item, failure.error, ways);
    case 'form':
      return judgeForm(item, failure.error, ways);
  }
}

function judgeError(
  item: Pick<Item, 'strikes'>,
  error: ItemError,
  retry: 'never' | 'same' | 'other' | 'later',
  ways: Ways,
): Verdict {
  // What is wrong with the item itself, no other provider mends; what this target cannot carry, another may.
  if (retry === 'never') {
    const elsewhere = error.code === 'unsupported' || error.code === 'model_not_found';
    if (!elsewhere) return dead(error);
    return further(ways) ?? dead(error);
  }
  if (error.code === 'context_too_long' || errorKinds[error.code].fault === 'caller')
    return further(ways) ?? dead(error);
  return strike(item, ways);
}

/** Nothing was asked of the item itself: another target may take it. Where there is none, having no room passes and is no strike. */
function judgeRefused(item: Pick<Item, 'strikes'>, error: ItemError, ways: Ways): Verdict {
  if (ways.next !== undefined) return move(ways.next, ways);
  if (errorKinds[error.code].retry !== 'later') return strike(item, ways);
  return { state: 'waiting', dueAtMs: ways.nowMs + (ways.retryMs[0] ?? 60_000) };
}

/** Once more, in case it was chance; then what the chain names next. */
function judgeForm(item: Pick<Item, 'formStrikes'>, error: ItemError, ways: Ways): Verdict {
  if (item.formStrikes === 0)
    return { state: 'waiting', formStrikes: 1, dueAtMs: ways.nowMs + (ways.retryMs[0] ?? 60_000) };
  return further(ways) ?? dead(error);
}

function strike(item: Pick<Item, 'strikes'>, ways: Ways): Verdict {
  const strikes = item.strikes + 1;
  if (strikes >= mostStrikes) return { state: 'alone', strikes, dueAtMs: ways.nowMs };
  const waitMs = ways.retryMs[strikes - 1] ?? ways.retryMs.at(-1) ?? 60_000;
  return { state: 'waiting', strikes, dueAtMs: ways.nowMs + waitMs };
}

function further(ways: Ways): Verdict | undefined {
  if (ways.next !== undefined) return move(ways.next, ways);
  return ways.direct ? { state: 'alone', dueAtMs: ways.nowMs } : undefined;
}

function move(step: number, { nowMs }: Ways): Verdict {
  return { state: 'waiting', step, dueAtMs: nowMs };
}

function dead(error: ItemError): Verdict {
  return { state: 'dead', error };
}

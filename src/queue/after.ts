/** What becomes of a request whose call did not answer it. Pure: time, tries and chance come in. */
import { type ErrorCode, errorKinds, type GatewayError } from '../core/errors.ts';

export type After =
  | { readonly kind: 'fail' }
  /** `counted`: a call was made. `pause`: others of its route would fare no better until then. */
  | {
      readonly kind: 'again';
      readonly dueAtMs: number;
      readonly counted: boolean;
      readonly pause: boolean;
    };

export interface AfterInput {
  readonly nowMs: number;
  readonly deadlineAtMs: number;
  /** Calls begun, this one included. */
  readonly tries: number;
  /** Uniform in [0, 1). */
  readonly chance: number;
}

const firstWaitMs = 1_000;
const longestWaitMs = 120_000;
/** Our own refusals are asked about again at least so often: what others set aside may come back at any time. */
const longestRefusalMs = 30_000;
const usualRefusalMs = 1_000;
/** Time for a last call before the deadline. */
const lastCallMs = 10_000;
/** With less time left there is no use in another. */
const leastMs = 500;
/** Of answers that were paid for and could not be used: each may cost as much as the first. */
const mostPaidFailures = 3;
const paidFailures: ReadonlySet<ErrorCode> = new Set(['upstream_malformed', 'upstream_truncated']);
/** Refusals that time may lift; others of our policy stand. */
const liftable: ReadonlySet<ErrorCode> = new Set([
  'no_room',
  'no_candidate',
  'key_limited',
  'over_budget',
  'store_unavailable',
  'shutting_down',
]);

export function afterError(error: GatewayError, input: AfterInput): After {
  const { nowMs, deadlineAtMs, tries, chance } = input;
  if (nowMs + leastMs >= deadlineAtMs) return fail;
  if (liftable.has(error.code)) return afterRefusal(error, input);
  const { fault } = errorKinds[error.code];
  if (error.retry === 'never' || fault === 'caller' || fault === 'policy') return fail;
  if (paidFailures.has(error.code) && tries >= mostPaidFailures) return fail;
  const most = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(tries - 1, 20));
  // Half at least: all that failed together must neither come back together nor at once.
  const waitMs = Math.max(most * (0.5 + chance / 2), error.retryAfterMs ?? 0);
  if (nowMs + waitMs + leastMs < deadlineAtMs) return again(nowMs + waitMs);
  const lastMs = deadlineAtMs - lastCallMs;
  return lastMs > nowMs + leastMs ? again(lastMs) : fail;
}

function afterRefusal({ code, retry, retryAfterMs }: GatewayError, input: AfterInput): After {
  const { nowMs, deadlineAtMs, chance } = input;
  // Larger than a limit ever allows.
  if ((code === 'no_room' && retry === 'never') || (code === 'key_limited' && retryAfterMs === undefined))
    return fail;
  const saidMs = retryAfterMs ?? usualRefusalMs;
  // Spent money comes back when its window ends, and no sooner.
  const spent = code === 'over_budget';
  if (spent && nowMs + saidMs + leastMs >= deadlineAtMs) return fail;
  const waitMs = (spent ? saidMs : Math.min(saidMs, longestRefusalMs)) + usualRefusalMs * chance;
  const dueAtMs = Math.min(nowMs + waitMs, deadlineAtMs - leastMs);
  // What a key or a budget refuses to one, others may do.
  const pause = code === 'no_room' || code === 'no_candidate' || code === 'store_unavailable';
  return { kind: 'again', dueAtMs: Math.ceil(dueAtMs), counted: false, pause };
}

/** An answer of the wrong form may have been chance, once. */
export function afterWrongForm({ nowMs, deadlineAtMs, tries }: AfterInput): After {
  return tries > 1 || nowMs + leastMs >= deadlineAtMs ? fail : again(nowMs);
}

const fail: After = { kind: 'fail' };

function again(dueAtMs: number): After {
  return { kind: 'again', dueAtMs: Math.ceil(dueAtMs), counted: true, pause: false };
}

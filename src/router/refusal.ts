/** What it means that the gate did not let an attempt begin: what the caller would be told, and whether another target or a little time may help. */
import { GatewayError } from '../core/errors.ts';
import type { Refusal } from '../limits/contract.ts';
import type { Due } from './budgets.ts';
import type { Target } from './chain/contract.ts';
import type { Caller, Route } from './contract.ts';

export interface Refused {
  readonly ok: false;
  readonly error: GatewayError;
  /** `stop`: tell the caller. `skip`: this target will not do. `wait`: it will, in a while. */
  readonly step: 'stop' | 'skip' | 'wait';
  /** For `wait`: when; absent: when something is given back. */
  readonly waitMs?: number;
}

/** When a place becomes free nobody knows; a client that is told to come back should not do so at once. */
const busyRetryMs = 1_000;
/** As long as a full ledger asks for. */
const unwrittenRetryMs = 5_000;

export interface RefusalContext {
  readonly target: Target;
  readonly route: Route;
  readonly caller: Caller | undefined;
  readonly due: readonly Due[];
  readonly nowMs: number;
}

export function readRefusal(refusal: Refusal, context: RefusalContext): Refused {
  switch (refusal.kind) {
    case 'room':
    case 'busy':
      return ofLimit(refusal, context);
    case 'budget':
      return ofBudget(refusal, context);
  }
}

export function unknownPrice({ target, due }: RefusalContext): Refused {
  const rule = due.find((one) => one.rule.hard)?.rule;
  const why = rule === undefined ? 'the route asks for known prices' : `budget ${rule.name} is a hard one`;
  const message = `The price of ${target.name} is unknown, and ${why}. Give it under prices: in the config.`;
  return { ok: false, error: new GatewayError('price_unknown', message), step: 'skip' };
}

/** What a budget has used must be durable before it is spent, and cannot be written down. */
export function unwritten(cause: unknown): Refused {
  const message = 'The store cannot be written, and nothing is spent of a budget that is not written down.';
  const error = new GatewayError('store_unavailable', message, { retryAfterMs: unwrittenRetryMs, cause });
  return { ok: false, error, step: 'stop' };
}

/** A place in the line was promised for a time that is over the caller's. */
export function tooLate(target: Target, waitMs: number): GatewayError {
  return new GatewayError('no_room', `${target.name} has no room in time.`, { retryAfterMs: waitMs });
}

function ofLimit(refusal: Exclude<Refusal, { kind: 'budget' }>, { target, caller }: RefusalContext): Refused {
  const { key } = refusal;
  const waitMs = refusal.kind === 'room' ? refusal.waitMs : undefined;
  const own = caller?.limits;
  const isOwn =
    own?.meters.some(({ bucket }) => bucket.key === key) || own?.places.some((one) => one.key === key);
  if (waitMs === Number.POSITIVE_INFINITY) {
    const message = `The request is larger than limit ${key} ever allows at once.`;
    return isOwn === true
      ? { ok: false, error: new GatewayError('key_limited', message), step: 'stop' }
      : { ok: false, error: new GatewayError('no_room', message, { retry: 'never' }), step: 'skip' };
  }
  const retryAfterMs = waitMs ?? busyRetryMs;
  if (isOwn === true) {
    const error = new GatewayError('key_limited', `The key is over its limit ${key}.`, { retryAfterMs });
    return { ok: false, error, step: 'stop' };
  }
  const error = new GatewayError('no_room', `${target.name} has no room: limit ${key} is used up for now.`, {
    retryAfterMs,
  });
  return { ok: false, error, step: 'wait', ...(waitMs === undefined ? {} : { waitMs }) };
}

function ofBudget(
  { key, pending }: Extract<Refusal, { kind: 'budget' }>,
  { due, route, nowMs }: RefusalContext,
): Refused {
  const rule = due.find((one) => one.key === key)?.rule;
  const endMs = rule?.window(nowMs).endMs ?? nowMs;
  const cap = ((rule?.capNanoUsd ?? 0) / 1e9).toFixed(2);
  const spent = pending ? 'is set aside for requests that run' : 'is spent';
  const error = new GatewayError(
    'over_budget',
    `Budget ${key} of $${cap} ${spent}, as far as this request needs it. It resets at ${new Date(endMs).toISOString()}.`,
    { retryAfterMs: Math.max(0, endMs - nowMs) },
  );
  if (pending) return { ok: false, error, step: 'wait' };
  // One provider’s money is spent: that is no reason not to ask another.
  const elsewhere = rule?.scope === 'provider' || route.onOverBudget === 'next';
  return { ok: false, error, step: elsewhere ? 'skip' : 'stop' };
}

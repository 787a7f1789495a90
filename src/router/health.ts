/**
 * What we believe of each target: a circuit breaker, and a cooling time that the target itself asked for.
 *
 * The breaker opens when enough of a window's outcomes failed, lets a single probe through once its time is up,
 * closes on that probe's success and reopens for twice as long (capped) on its failure. A throttle is neutral: it
 * neither opens nor closes anything, but it frees the probe's place, and cools the target; a shorter cooling never replaces a longer one.
 *
 * State is kept by target name and survives a config reload, so that a reload does not forget an outage. What one gateway learns here it
 * may tell others, and hear from them: then an outage is met once, not once by each.
 */
import type { Clock } from '../core/clock.ts';
import type { BreakerPolicy } from './contract.ts';

export type Standing = 'ready' | 'probe' | 'open' | 'probing' | 'cooling';

export interface HealthView {
  readonly standing: Standing;
  /** When it is worth trying again; 0 where `standing` is `ready` or `probe`. */
  readonly untilMs: number;
}

export interface Health {
  view(target: string): HealthView;
  /** Asks leave for an attempt; false when another attempt holds the probe. Every `true` is followed by one of the four below. */
  take(target: string): boolean;
  succeeded(target: string): void;
  failed(target: string): void;
  /** The target asked for time; `retryAfterMs` absent: it did not say, and each throttle in a row doubles the guess. */
  throttled(target: string, retryAfterMs: number | undefined, capMs: number): void;
  /** No verdict (the caller hung up). */
  released(target: string): void;
  list(): readonly { readonly target: string; readonly view: HealthView }[];
  /** Calls back with what others would want to know. */
  onNews(callback: (news: HealthNews) => void): void;
  /** What another gateway tells. Its outcomes count here as if they were our own; a probe in flight goes on. */
  hear(news: HealthNews): void;
}

/** Durations, not moments: clocks of machines differ. */
export type HealthNews =
  | { readonly kind: 'opened'; readonly target: string; readonly forMs: number }
  | { readonly kind: 'cooling'; readonly target: string; readonly forMs: number }
  | { readonly kind: 'closed'; readonly target: string };

const slots = 10;
/** Clients may name targets themselves, so names are theirs to invent; far more than any config has. */
const mostTargets = 4096;
/** A throttle without a hint; low, because guessing long idles a target that may be ready. */
const firstGuessMs = 500;
const ready: HealthView = { standing: 'ready', untilMs: 0 };
const probe: HealthView = { standing: 'probe', untilMs: 0 };

interface State {
  readonly succeeded: number[];
  readonly failed: number[];
  slot: number;
  openUntilMs: number;
  /** How long it was last opened for; 0 while closed. */
  openMs: number;
  probing: boolean;
  coolUntilMs: number;
  throttles: number;
}

export function createHealth(clock: Clock, policy: () => BreakerPolicy): Health {
  const states = new Map<string, State>();
  let tell: (news: HealthNews) => void = () => {};

  function find(target: string): State {
    let state = states.get(target);
    if (state === undefined) {
      state = {
        succeeded: new Array<number>(slots).fill(0),
        failed: new Array<number>(slots).fill(0),
        slot: 0,
        openUntilMs: 0,
        openMs: 0,
        probing: false,
        coolUntilMs: 0,
        throttles: 0,
      };
      const oldest = states.size >= mostTargets ? states.keys().next().value : undefined;
      if (oldest !== undefined) states.delete(oldest);
      states.set(target, state);
    }
    return state;
  }

  /** The slot of now, with the slots that time has passed over emptied. */
  function slotNow(state: State): number {
    const now = Math.floor(clock.now() / (policy().windowMs / slots));
    const stale = Math.min(slots, now - state.slot);
    for (let back = 0; back < stale; back++) {
      const index = (now - back) % slots;
      state.succeeded[index] = 0;
      state.failed[index] = 0;
    }
    state.slot = now;
    return now % slots;
  }

  function view(target: string): HealthView {
    const state = states.get(target);
    if (state === undefined) return ready;
    const now = clock.now();
    if (state.coolUntilMs > now)
      return { standing: 'cooling', untilMs: Math.max(state.coolUntilMs, state.openUntilMs) };
    if (state.openMs === 0) return ready;
    if (state.openUntilMs > now) return { standing: 'open', untilMs: state.openUntilMs };
    // A probe in flight: look again soon, it may close the breaker any moment.
    return state.probing ? { standing: 'probing', untilMs: now + 250 } : probe;
  }

  function take(target: string): boolean {
    const { standing } = view(target);
    if (standing === 'ready') return true;
    if (standing !== 'probe') return false;
    find(target).probing = true;
    return true;
  }

  function close(state: State): void {
    state.openMs = 0;
    state.openUntilMs = 0;
    state.succeeded.fill(0);
    state.failed.fill(0);
  }

  function open(target: string, state: State, now: number): void {
    const { openMs, openCapMs } = policy();
    state.openMs = state.openMs === 0 ? openMs : Math.min(openCapMs, state.openMs * 2);
    state.openUntilMs = now + state.openMs;
    tell({ kind: 'opened', target, forMs: state.openMs });
  }

  function succeeded(target: string): void {
    const state = find(target);
    state.throttles = 0;
    if (state.openMs > 0) {
      // Late good news from before the opening says nothing about now; only the probe may close.
      if (state.probing) {
        close(state);
        tell({ kind: 'closed', target });
      }
      state.probing = false;
      return;
    }
    const slot = slotNow(state);
    state.succeeded[slot] = (state.succeeded[slot] ?? 0) + 1;
  }

  function failed(target: string): void {
    const state = find(target);
    const now = clock.now();
    if (state.openMs > 0) {
      if (state.probing) open(target, state, now);
      state.probing = false;
      return;
    }
    const slot = slotNow(state);
    state.failed[slot] = (state.failed[slot] ?? 0) + 1;
    const failures = sum(state.failed);
    const { failures: enough, ratio } = policy();
    if (failures >= enough && failures >= ratio * (failures + sum(state.succeeded))) open(target, state, now);
  }

  function throttled(target: string, retryAfterMs: number | undefined, capMs: number): void {
    const state = find(target);
    state.probing = false;
    const wanted = retryAfterMs ?? firstGuessMs * 2 ** Math.min(state.throttles, 10);
    state.throttles += 1;
    cool(target, state, Math.min(wanted, capMs));
  }

  function cool(target: string, state: State, forMs: number): void {
    const untilMs = clock.now() + forMs;
    if (untilMs <= state.coolUntilMs) return;
    state.coolUntilMs = untilMs;
    tell({ kind: 'cooling', target, forMs });
  }

  function hear(news: HealthNews): void {
    const state = find(news.target);
    const now = clock.now();
    const { openCapMs } = policy();
    switch (news.kind) {
      case 'opened': {
        const forMs = Math.min(news.forMs, openCapMs);
        if (now + forMs <= state.openUntilMs) return;
        state.openMs = Math.max(state.openMs, forMs);
        state.openUntilMs = now + forMs;
        return;
      }
      case 'cooling':
        state.coolUntilMs = Math.max(state.coolUntilMs, now + news.forMs);
        return;
      case 'closed':
        if (state.openMs > 0) close(state);
    }
  }

  function released(target: string): void {
    const state = states.get(target);
    if (state !== undefined) state.probing = false;
  }

  return {
    view,
    take,
    succeeded,
    failed,
    throttled,
    released,
    list: () => [...states.keys()].map((target) => ({ target, view: view(target) })),
    onNews(callback) {
      tell = callback;
    },
    hear,
  };
}

function sum(counts: readonly number[]): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

/** What callers saw, minute by minute and route by route. */
import type { Seen } from './ask.ts';

export interface Minute {
  readonly minute: number;
  readonly happenings: readonly string[];
  readonly asked: number;
  readonly ok: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Of answers and errors alike; absent where nothing ended. */
  readonly p95Ms?: number;
  /** Of what was answered, by target. */
  readonly servedBy: Readonly<Record<string, number>>;
  readonly costUsd: number;
}

export interface RouteSeen {
  readonly route: string;
  readonly asked: number;
  readonly ok: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly servedBy: Readonly<Record<string, number>>;
}

class Count {
  asked = 0;
  ok = 0;
  readonly errors = new Map<string, number>();
  readonly servedBy = new Map<string, number>();
  readonly durations: number[] = [];

  add({ error, target, atMs, endedAtMs }: Seen): void {
    this.asked += 1;
    this.durations.push(endedAtMs - atMs);
    if (error !== undefined) {
      this.errors.set(error, (this.errors.get(error) ?? 0) + 1);
      return;
    }
    this.ok += 1;
    if (target !== undefined) this.servedBy.set(target, (this.servedBy.get(target) ?? 0) + 1);
  }
}

export class Tally {
  readonly #startMs: number;
  readonly #minutes = new Map<number, Count>();
  readonly #routes = new Map<string, Count>();
  readonly #costs = new Map<number, number>();

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Counted in the minute in which it was asked. */
  add(seen: Seen): void {
    const minute = Math.floor((seen.atMs - this.#startMs) / 60_000);
    countOf(this.#minutes, minute).add(seen);
    countOf(this.#routes, seen.route).add(seen);
  }

  cost(minute: number, usd: number): void {
    this.#costs.set(minute, usd);
  }

  minute(minute: number, happenings: readonly string[]): Minute {
    const count = this.#minutes.get(minute) ?? new Count();
    const sorted = [...count.durations].sort((a, b) => a - b);
    const p95Ms = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))];
    return {
      minute: minute + 1,
      happenings,
      asked: count.asked,
      ok: count.ok,
      errors: Object.fromEntries(count.errors),
      ...(p95Ms === undefined ? {} : { p95Ms: Math.round(p95Ms) }),
      servedBy: byShare(count.servedBy),
      costUsd: this.#costs.get(minute) ?? 0,
    };
  }

  routes(): readonly RouteSeen[] {
    return [...this.#routes].map(([route, count]) => ({
      route,
      asked: count.asked,
      ok: count.ok,
      errors: Object.fromEntries(count.errors),
      servedBy: byShare(count.servedBy),
    }));
  }
}

function countOf<K>(counts: Map<K, Count>, key: K): Count {
  let count = counts.get(key);
  if (count === undefined) {
    count = new Count();
    counts.set(key, count);
  }
  return count;
}

/** The largest first. */
const byShare = (counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));

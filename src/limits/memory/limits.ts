/**
 * Limits in this process alone. Everything is answered at once, except a charge that passes the budget's durable mark
 * (`marks.ts`): that waits for the new mark to be written.
 */
import type { Clock } from '../../core/clock.ts';
import { full, giveBack, type Level, refill, tokens, waitFor } from '../bucket.ts';
import type {
  Bucket,
  BudgetState,
  Charge,
  Demand,
  Granted,
  Limits,
  LimitsHealth,
  LongDemand,
  Refusal,
  Reservation,
  Verdict,
} from '../contract.ts';
import type { Marks } from './marks.ts';

/** Clients may name targets and keys, which name buckets. Far more than any config has; the least lately made go first. */
const mostBuckets = 100_000;
const mostBudgets = 10_000;

interface Purse {
  used: number;
  held: number;
  expiresAtMs: number;
}

export interface MemoryOptions {
  readonly clock: Clock;
  /** Absent: budgets do not outlive the process. */
  readonly marks?: Marks;
  /** Parts in a bucket that is met for the first time; absent: it is full. */
  readonly firstParts?: (bucket: Bucket) => number;
}

export class MemoryLimits implements Limits {
  readonly #clock: Clock;
  readonly #marks: Marks | undefined;
  readonly #firstParts: ((bucket: Bucket) => number) | undefined;
  readonly #levels = new Map<string, Level>();
  readonly #busy = new Map<string, number>();
  readonly #purses = new Map<string, Purse>();
  readonly #waiters = new Set<() => void>();
  /** As many as there are batches at providers. */
  readonly #long = new Map<string, Reservation>();

  constructor({ clock, marks, firstParts }: MemoryOptions) {
    this.#clock = clock;
    this.#marks = marks;
    this.#firstParts = firstParts;
  }

  reserve(demand: Demand): Verdict | Promise<Verdict> {
    const nowMs = this.#clock.now();
    const held = new Held(this, demand);
    for (const { bucket } of demand.takes) held.levels.push(this.#level(bucket, nowMs));
    for (const charge of demand.charges) held.purses.push(this.#purse(charge));
    const refusal = this.#refusal(held, demand);
    if (typeof refusal !== 'number') return refusal;
    this.#take(held, demand);
    const granted: Granted = { ok: true, waitMs: refusal, reservation: held };
    if (this.#marks === undefined || demand.charges.length === 0) return granted;
    const written = this.#mark(held, demand.charges, this.#marks, nowMs);
    if (written === undefined) return granted;
    return written.then(
      () => granted,
      (thrown: unknown) => {
        granted.reservation.settle(
          demand.takes.map(() => 0),
          0,
        );
        throw thrown;
      },
    );
  }

  async hold(demand: LongDemand): Promise<{ readonly ok: true } | Refusal> {
    if (this.#long.has(demand.id)) return { ok: true };
    const verdict = await this.reserve({ ...demand, takes: [], maxWaitMs: 0 });
    if (verdict.ok) this.#long.set(demand.id, verdict.reservation);
    return verdict.ok ? { ok: true } : verdict;
  }

  letGo(id: string, nanoUsd: number): void {
    this.#long.get(id)?.settle([], nanoUsd);
    this.#long.delete(id);
  }

  /** Why not, or how long to wait. */
  #refusal(held: Held, demand: Demand): Refusal | number {
    let index = 0;
    for (const charge of demand.charges) {
      const purse = held.purses[index++];
      if (purse === undefined || purse.used + purse.held + charge.nanoUsd <= charge.capNanoUsd) continue;
      const pending = purse.used + charge.nanoUsd <= charge.capNanoUsd;
      return { ok: false, kind: 'budget', key: charge.key, pending };
    }
    for (const slot of demand.slots) {
      if ((this.#busy.get(slot.key) ?? 0) + slot.amount > slot.limit)
        return { ok: false, kind: 'busy', key: slot.key };
    }
    return refusalOfTakes(held, demand);
  }

  #take(held: Held, demand: Demand): void {
    let index = 0;
    for (const { bucket, amount } of demand.takes) {
      const level = held.levels[index++];
      if (level !== undefined) level.parts -= amount * bucket.periodMs;
    }
    for (const { key, amount } of demand.slots) this.#busy.set(key, (this.#busy.get(key) ?? 0) + amount);
    index = 0;
    for (const charge of demand.charges) {
      const purse = held.purses[index++];
      if (purse !== undefined) purse.held += charge.nanoUsd;
    }
  }

  /** For `Held` alone. */
  settle(held: Held, demand: Demand, used: readonly number[], nanoUsd: number): void {
    const nowMs = this.#clock.now();
    let index = 0;
    for (const { bucket, amount } of demand.takes) {
      const level = held.levels[index];
      const less = amount - (used[index++] ?? amount);
      if (level === undefined || less === 0) continue;
      refill(level, bucket, nowMs);
      giveBack(level, bucket, less);
    }
    for (const { key, amount } of demand.slots) {
      const busy = (this.#busy.get(key) ?? 0) - amount;
      if (busy > 0) this.#busy.set(key, busy);
      else this.#busy.delete(key);
    }
    index = 0;
    for (const charge of demand.charges) {
      const purse = held.purses[index++];
      if (purse === undefined) continue;
      purse.held -= charge.nanoUsd;
      purse.used += nanoUsd;
    }
    if (this.#waiters.size > 0 && (demand.slots.length > 0 || demand.charges.length > 0))
      for (const waiter of this.#waiters) waiter();
  }

  correct(bucket: Bucket, remaining: number): void {
    const level = this.#level(bucket, this.#clock.now());
    const left = Math.max(0, Math.floor(remaining));
    if (left < tokens(level, bucket)) level.parts = left * bucket.periodMs;
  }

  level(bucket: Bucket): number {
    return tokens(this.#level(bucket, this.#clock.now()), bucket);
  }

  busy(key: string): number {
    return this.#busy.get(key) ?? 0;
  }

  budget(key: string): BudgetState {
    const purse = this.#purses.get(key);
    return { usedNanoUsd: purse?.used ?? 0, heldNanoUsd: purse?.held ?? 0 };
  }

  async seed(totals: readonly Charge[]): Promise<void> {
    for (const charge of totals) {
      if (this.#purses.has(charge.key)) continue;
      const purse = this.#purse(charge);
      purse.used = Math.max(purse.used, charge.nanoUsd);
    }
  }

  /** Nobody else could write what this process did not. */
  written(): void {}

  onRelease(callback: () => void): () => void {
    this.#waiters.add(callback);
    return () => this.#waiters.delete(callback);
  }

  health(): LimitsHealth {
    return { kind: 'memory', status: 'ok', processes: 1 };
  }

  /** Leaves marks that say exactly what was used. */
  async close(): Promise<void> {
    await this.#marks?.close(() =>
      [...this.#purses].map(([name, { used, held, expiresAtMs }]) => ({
        name,
        nanoUsd: used + held,
        expiresAtMs,
      })),
    );
  }

  #mark(held: Held, charges: readonly Charge[], marks: Marks, nowMs: number): Promise<void> | undefined {
    let pending: Promise<unknown> | undefined;
    let index = 0;
    for (const charge of charges) {
      const purse = held.purses[index++];
      const written = purse && marks.cover(charge, purse.used + purse.held, nowMs);
      if (written !== undefined) pending = pending === undefined ? written : Promise.all([pending, written]);
    }
    return pending?.then(() => undefined);
  }

  #level(bucket: Bucket, nowMs: number): Level {
    let level = this.#levels.get(bucket.key);
    if (level === undefined) {
      level = full(bucket, nowMs);
      if (this.#firstParts !== undefined) level.parts = this.#firstParts(bucket);
      makeRoom(this.#levels, mostBuckets);
      this.#levels.set(bucket.key, level);
    } else refill(level, bucket, nowMs);
    return level;
  }

  #purse(charge: Charge): Purse {
    let purse = this.#purses.get(charge.key);
    if (purse === undefined) {
      this.#forget();
      const used = this.#marks?.first(charge.key) ?? 0;
      purse = { used, held: 0, expiresAtMs: charge.expiresAtMs };
      this.#purses.set(charge.key, purse);
    }
    return purse;
  }

  /** Windows that are over go when a new one begins; a live one never goes, since it would begin anew at nothing. */
  #forget(): void {
    if (this.#purses.size < mostBudgets) return;
    const nowMs = this.#clock.now();
    for (const [key, { held, expiresAtMs }] of this.#purses)
      if (expiresAtMs <= nowMs && held === 0) this.#purses.delete(key);
  }
}

/** What a demand is about, looked up once: aligned with its takes and charges. */
class Held implements Reservation {
  readonly levels: Level[] = [];
  readonly purses: Purse[] = [];
  readonly #limits: MemoryLimits;
  #demand: Demand | undefined;

  constructor(limits: MemoryLimits, demand: Demand) {
    this.#limits = limits;
    this.#demand = demand;
  }

  settle(used: readonly number[], nanoUsd: number): void {
    const demand = this.#demand;
    if (demand === undefined) return;
    this.#demand = undefined;
    this.#limits.settle(this, demand, used, nanoUsd);
  }
}

function refusalOfTakes({ levels }: Held, { takes, maxWaitMs }: Demand): Refusal | number {
  let longest = 0;
  let tightest = '';
  let impatient: Refusal | undefined;
  let index = 0;
  for (const { bucket, amount, floor, mayWait } of takes) {
    const level = levels[index++];
    const waitMs = level === undefined ? 0 : waitFor(level, bucket, amount, floor);
    if (waitMs === Number.POSITIVE_INFINITY) return { ok: false, kind: 'room', key: bucket.key, waitMs };
    if (waitMs > 0 && !mayWait) impatient ??= { ok: false, kind: 'room', key: bucket.key, waitMs };
    if (waitMs <= longest) continue;
    longest = waitMs;
    tightest = bucket.key;
  }
  if (impatient !== undefined) return impatient;
  return longest > maxWaitMs ? { ok: false, kind: 'room', key: tightest, waitMs: longest } : longest;
}

function makeRoom(map: Map<string, unknown>, most: number): void {
  const oldest = map.size >= most ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}

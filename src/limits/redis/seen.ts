/**
 * What this process last saw in Redis: levels of buckets, totals of budgets. It answers questions without a round trip, it is where the
 * fallback begins, and what a Redis that lost its data is told again.
 */
import { giveBack, type Level, refill } from '../bucket.ts';
import type { Bucket, BudgetState, Charge, Demand } from '../contract.ts';
import type { Keys } from './keys.ts';

/** Far more than any config has. */
const most = 10_000;

interface SeenBudget {
  used: number;
  held: number;
  charge: Charge;
  seenAtMs: number;
}

export class Seen {
  /** The epoch that all this was seen in; '' before the first. */
  epoch = '';
  readonly #levels = new Map<string, { readonly bucket: Bucket; level: Level }>();
  readonly #budgets = new Map<string, SeenBudget>();

  /** `state`: parts and time of every bucket, then used and held of every charge. */
  note(demand: Demand, state: readonly number[], nowMs: number): void {
    for (const [index, { bucket }] of demand.takes.entries())
      this.noteLevel(bucket, state[index * 2] ?? 0, nowMs);
    this.noteBudgets(demand.charges, state.slice(demand.takes.length * 2), nowMs);
  }

  /** Stamped with our own time: the server's may differ. */
  noteLevel(bucket: Bucket, parts: number, nowMs: number): void {
    makeRoom(this.#levels, bucket.key);
    this.#levels.set(bucket.key, { bucket, level: { parts, atMs: nowMs } });
  }

  /** A settlement that is on its way. */
  giveBack(bucket: Bucket, amount: number, nowMs: number): void {
    const level = this.level(bucket);
    if (level === undefined || amount === 0) return;
    refill(level, bucket, nowMs);
    giveBack(level, bucket, amount);
  }

  noteBudgets(charges: readonly Charge[], state: readonly number[], nowMs = 0): void {
    charges.forEach((charge, index) => {
      const [used, held] = [state[index * 2], state[index * 2 + 1]];
      if (used === undefined || held === undefined) return;
      makeRoom(this.#budgets, charge.key);
      this.#budgets.set(charge.key, { used, held, charge, seenAtMs: nowMs });
    });
  }

  /** From the ledger: no less than this was used. */
  atLeast(charge: Charge): void {
    const known = this.#budgets.get(charge.key);
    if (known !== undefined && known.used + known.held >= charge.nanoUsd) return;
    this.#budgets.set(charge.key, { used: charge.nanoUsd, held: 0, charge, seenAtMs: 0 });
  }

  level(bucket: Bucket): Level | undefined {
    return this.#levels.get(bucket.key)?.level;
  }

  /** What is owed or promised of a bucket by now, in its parts: 0 or less. */
  debt(key: string, nowMs: number): number {
    const known = this.#levels.get(key);
    if (known === undefined) return 0;
    const level = { ...known.level };
    refill(level, known.bucket, nowMs);
    return Math.min(0, level.parts);
  }

  budget(key: string): BudgetState {
    const seen = this.#budgets.get(key);
    return { usedNanoUsd: seen?.used ?? 0, heldNanoUsd: seen?.held ?? 0 };
  }

  /** Capped budgets that were charged since. */
  capped(): readonly Charge[] {
    return [...this.#budgets.values()]
      .map(({ charge }) => charge)
      .filter(({ capNanoUsd }) => capNanoUsd !== Number.POSITIVE_INFINITY);
  }

  /** For `restore.lua`. A bucket that is gone begins empty, or in the debt that it had: full would be a burst that nobody granted. */
  restoring(keys: Keys, nowMs: number): { keys: string[]; args: (string | number)[]; charges: Charge[] } {
    const budgets = [...this.#budgets.entries()].filter(([, { charge }]) => charge.expiresAtMs > nowMs);
    const levels = this.epoch === '' ? [] : [...this.#levels.values()];
    const args: (string | number)[] = [budgets.length, levels.length, this.epoch];
    for (const [, { used, held, charge }] of budgets) args.push(used + held, charge.expiresAtMs);
    for (const { bucket } of levels) {
      const parts = this.debt(bucket.key, nowMs);
      const missing = bucket.burst * bucket.periodMs - parts;
      args.push(parts, Math.ceil(missing / bucket.limit) + 60_000, bucket.limit);
    }
    return {
      charges: budgets.map(([, { charge }]) => charge),
      keys: [
        ...budgets.map(([key]) => keys.budget(key)),
        ...levels.map(({ bucket }) => keys.bucket(bucket.key)),
      ],
      args,
    };
  }
}

function makeRoom(map: Map<string, unknown>, key: string): void {
  const oldest = map.size >= most && !map.has(key) ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}

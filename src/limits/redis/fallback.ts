/**
 * What a process does while Redis does not answer. Of every rate and of every number of places it takes its share, one part in as
 * many as there were processes; of capped budgets it spends what it had set aside beforehand, so that a cap holds although nobody
 * can be asked. What happened meanwhile is told to Redis when it is back.
 */
import type { Clock } from '../../core/clock.ts';
import type { Bucket, Charge, Demand, Granted, Limits, Verdict } from '../contract.ts';
import type { Seen } from './seen.ts';

/** Of a cap, for all processes together: larger keeps budgeted work going for longer, smaller leaves more of the budget to normal days. */
const leasedShare = 0.01;
/** Settlements of reservations made before; there are no more than requests in flight. */
const mostLater = 100_000;

/** Makes limits of this process alone; a bucket that is met for the first time holds so many parts. Must answer at once. */
export type MakeAlone = (firstParts: (bucket: Bucket) => number) => Limits;

type Adjust = (charge: Charge, spentNanoUsd: number) => void;

export class Fallback {
  readonly #makeAlone: MakeAlone;
  readonly #clock: Clock;
  readonly #seen: Seen;
  readonly #count: () => number;
  readonly #leases = new Map<string, Charge>();
  /** Counted and never refused: charged while we are alone. */
  readonly #uncapped = new Map<string, Charge>();
  #later: (() => void)[] = [];
  #alone: Limits;
  /** Absent while we are alone. */
  #adjust: Adjust | undefined;

  constructor(makeAlone: MakeAlone, clock: Clock, seen: Seen, count: () => number) {
    this.#makeAlone = makeAlone;
    this.#clock = clock;
    this.#seen = seen;
    this.#count = count;
    this.#alone = this.#start();
  }

  enter(): void {
    this.#adjust = undefined;
    this.#alone = this.#start();
  }

  #start(): Limits {
    // Nobody knows what the others took last, so it begins empty. A debt is shared like the rest: fewer tokens, each of as many more parts.
    return this.#makeAlone(({ key }) => this.#seen.debt(key, this.#clock.now()));
  }

  reserve(demand: Demand): Verdict | Promise<Verdict> {
    const processes = this.#count();
    const alone = this.#alone;
    const takes = demand.takes.map(({ bucket, amount, floor, mayWait }) => {
      const own = shareOf(bucket, processes);
      // More than the share ever holds must still pass some time; the rest of it becomes debt when it is settled.
      return {
        bucket: own,
        amount: amount > bucket.burst ? amount : Math.min(amount, own.burst),
        floor: amount + floor > own.burst ? 0 : floor,
        mayWait,
      };
    });
    const slots = demand.slots.map((slot) => ({
      ...slot,
      limit: Math.max(slot.amount, Math.floor(slot.limit / processes)),
    }));
    const charges = demand.charges.map((charge) =>
      charge.capNanoUsd === Number.POSITIVE_INFINITY
        ? charge
        : { ...charge, capNanoUsd: this.#leases.get(charge.key)?.nanoUsd ?? 0 },
    );
    for (const charge of charges)
      if (charge.capNanoUsd === Number.POSITIVE_INFINITY) this.#uncapped.set(charge.key, charge);
    const verdict = alone.reserve({ ...demand, takes, slots, charges });
    if (verdict instanceof Promise || !verdict.ok) return asRestorable(verdict);
    return this.#tracked(verdict, demand, alone);
  }

  /** Settled in whichever world there is by then. */
  #tracked(granted: Granted, demand: Demand, alone: Limits): Granted {
    let over = false;
    const counted = (nanoUsd: number): void => {
      const adjust = this.#adjust;
      // Redis was back, has counted all of it as spent, and is perhaps lost again.
      if (adjust !== undefined) for (const charge of demand.charges) adjust(charge, nanoUsd);
      else if (this.#alone !== alone) this.later(() => counted(nanoUsd));
    };
    return {
      ...granted,
      reservation: {
        settle: (used, nanoUsd) => {
          if (over) return;
          over = true;
          granted.reservation.settle(used, nanoUsd);
          counted(nanoUsd);
        },
      },
    };
  }

  correct(bucket: Bucket, remaining: number): void {
    const processes = this.#count();
    this.#alone.correct(shareOf(bucket, processes), Math.floor(remaining / processes));
  }

  /** Done when Redis is back. */
  later(task: () => void): void {
    if (this.#later.length < mostLater) this.#later.push(task);
  }

  leave(adjust: Adjust): void {
    this.#adjust = adjust;
    for (const [key, charge] of this.#leases) {
      const { usedNanoUsd, heldNanoUsd } = this.#alone.budget(key);
      adjust(charge, usedNanoUsd + heldNanoUsd);
    }
    this.#leases.clear();
    for (const [key, charge] of this.#uncapped) {
      const { usedNanoUsd, heldNanoUsd } = this.#alone.budget(key);
      adjust({ ...charge, nanoUsd: 0 }, usedNanoUsd + heldNanoUsd);
    }
    this.#uncapped.clear();
    const tasks = this.#later;
    this.#later = [];
    for (const task of tasks) task();
  }

  /** Budgets for which nothing is set aside yet, and how much should be. */
  wanted(): readonly Charge[] {
    const nowMs = this.#clock.now();
    for (const [key, { expiresAtMs }] of this.#leases) if (expiresAtMs <= nowMs) this.#leases.delete(key);
    return this.#seen
      .capped()
      .filter(({ key, expiresAtMs }) => !this.#leases.has(key) && expiresAtMs > nowMs)
      .map((charge) => ({
        ...charge,
        nanoUsd: Math.floor((charge.capNanoUsd * leasedShare) / this.#count()),
      }));
  }

  lease(charge: Charge): void {
    this.#leases.set(charge.key, charge);
  }

  /** An orderly stop gives back what was set aside. */
  giveUp(adjust: Adjust): void {
    for (const charge of this.#leases.values()) adjust(charge, 0);
    this.#leases.clear();
  }
}

/** The same number of tokens in as many times the period: exact, whatever the number of processes. */
function shareOf(bucket: Bucket, processes: number): Bucket {
  if (processes === 1) return bucket;
  return {
    ...bucket,
    periodMs: bucket.periodMs * processes,
    burst: Math.max(1, Math.floor(bucket.burst / processes)),
  };
}

/** Over what was set aside is not over the budget: Redis may be back in a moment. */
function asRestorable(verdict: Verdict | Promise<Verdict>): Verdict | Promise<Verdict> {
  if (verdict instanceof Promise || verdict.ok || verdict.kind !== 'budget') return verdict;
  return { ...verdict, pending: true };
}

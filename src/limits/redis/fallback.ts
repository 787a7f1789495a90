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
/** Far more than any config has. */
const mostBuckets = 10_000;

/** Makes limits of this process alone; a bucket that is met for the first time holds so many parts. Must answer at once. */
export type MakeAlone = (firstParts: (bucket: Bucket) => number) => Limits;

/** How Redis is told, once it is back. */
export interface Teller {
  /** What really was spent, where the charge itself counts as spent. */
  spent(charge: Charge, nanoUsd: number): void;
  /** Tokens that are gone; less than none are given back. */
  took(bucket: Bucket, amount: number): void;
}

/** A bucket that was taken from while we were alone. */
interface Taken {
  readonly bucket: Bucket;
  /** Our share of it. */
  readonly own: Bucket;
  amount: number;
}

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
  readonly #taken = new Map<string, Taken>();
  /** Absent while we are alone. */
  #teller: Teller | undefined;

  constructor(makeAlone: MakeAlone, clock: Clock, seen: Seen, count: () => number) {
    this.#makeAlone = makeAlone;
    this.#clock = clock;
    this.#seen = seen;
    this.#count = count;
    this.#alone = this.#start();
  }

  enter(): void {
    this.#teller = undefined;
    this.#taken.clear();
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
    for (const [index, { bucket, amount }] of demand.takes.entries())
      this.#take(bucket, takes[index]?.bucket ?? bucket, amount);
    return this.#tracked(verdict, demand, alone);
  }

  /** Settled in whichever world there is by then. */
  #tracked(granted: Granted, demand: Demand, alone: Limits): Granted {
    let over = false;
    const counted = (used: readonly number[], nanoUsd: number): void => {
      const more = demand.takes.map(({ amount }, index) => (used[index] ?? amount) - amount);
      const teller = this.#teller;
      // Redis was back, has counted all of it as spent, and is perhaps lost again.
      if (teller !== undefined) {
        for (const charge of demand.charges) teller.spent(charge, nanoUsd);
        for (const [index, { bucket }] of demand.takes.entries())
          if (more[index] !== 0) teller.took(bucket, more[index] ?? 0);
      } else if (this.#alone !== alone) this.later(() => counted(used, nanoUsd));
      else for (const [index, { bucket }] of demand.takes.entries()) this.#took(bucket, more[index] ?? 0);
    };
    return {
      ...granted,
      reservation: {
        settle: (used, nanoUsd) => {
          if (over) return;
          over = true;
          granted.reservation.settle(used, nanoUsd);
          counted(used, nanoUsd);
        },
      },
    };
  }

  #take(bucket: Bucket, own: Bucket, amount: number): void {
    const known = this.#taken.get(bucket.key);
    if (known !== undefined) known.amount += amount;
    else if (this.#taken.size < mostBuckets) this.#taken.set(bucket.key, { bucket, own, amount });
  }

  #took({ key }: Bucket, more: number): void {
    const known = this.#taken.get(key);
    if (known !== undefined) known.amount += more;
  }

  correct(bucket: Bucket, remaining: number): void {
    const processes = this.#count();
    this.#alone.correct(shareOf(bucket, processes), Math.floor(remaining / processes));
  }

  /** Done when Redis is back. */
  later(task: () => void): void {
    if (this.#later.length < mostLater) this.#later.push(task);
  }

  /** `kept`: Redis has the buckets that it had, which have filled up meanwhile; else they begin empty. */
  leave(teller: Teller, kept: boolean): void {
    this.#teller = teller;
    for (const { bucket, own, amount } of kept ? this.#taken.values() : []) {
      // What was used so long ago that a full bucket would have brought it again is forgotten there too.
      const gone = Math.min(amount, own.burst - this.#alone.level(own));
      if (gone > 0) teller.took(bucket, gone);
    }
    this.#taken.clear();
    for (const [key, charge] of this.#leases) {
      const { usedNanoUsd, heldNanoUsd } = this.#alone.budget(key);
      teller.spent(charge, usedNanoUsd + heldNanoUsd);
    }
    this.#leases.clear();
    for (const [key, charge] of this.#uncapped) {
      const { usedNanoUsd, heldNanoUsd } = this.#alone.budget(key);
      teller.spent({ ...charge, nanoUsd: 0 }, usedNanoUsd + heldNanoUsd);
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
  giveUp(teller: Teller): void {
    for (const charge of this.#leases.values()) teller.spent(charge, 0);
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

/**
 * Capacity and money, set aside before a call and settled after it.
 *
 * A **demand** names everything that one attempt needs: tokens of buckets, places of slots, money of budgets. It is
 * granted whole or not at all. Two implementations, one in process and one on Redis, answer alike; the suite in
 * `limits.test.ts` runs over both, and `parity.test.ts` holds them equal over random histories.
 *
 * All amounts are whole numbers: tokens, requests, nano-dollars. All times are milliseconds.
 */

/** A rate: refilled without pause, from empty to `limit` in `periodMs`, never above `burst`. */
export interface Bucket {
  readonly key: string;
  readonly limit: number;
  readonly periodMs: number;
  /** At most `limit`. */
  readonly burst: number;
}

export interface Take {
  readonly bucket: Bucket;
  readonly amount: number;
  /** Tokens that must be left for more urgent work. */
  readonly floor: number;
  /** False: refused rather than promised ahead of its time, whatever `maxWaitMs` says. */
  readonly mayWait: boolean;
}

/** Places held until the reservation is settled: running requests, running batches, tokens enqueued in batches. */
export interface SlotTake {
  readonly key: string;
  readonly limit: number;
  readonly amount: number;
}

export interface Charge {
  /** Budget and window, such as `key:search/day/2026-11-21`. */
  readonly key: string;
  /** Infinity: counted, never refused. */
  readonly capNanoUsd: number;
  readonly nanoUsd: number;
  /** The window is over by then, and nobody asks again. */
  readonly expiresAtMs: number;
}

export interface Demand {
  /** Names the reservation; unique. */
  readonly id: string;
  readonly takes: readonly Take[];
  readonly slots: readonly SlotTake[];
  readonly charges: readonly Charge[];
  /**
   * How long the caller would wait for tokens that are not there yet. Within it they are granted at once, to be used
   * after `waitMs`: so everybody who waits has a place in the line, and nobody asks twice.
   */
  readonly maxWaitMs: number;
  /** What another process needs to know to settle the charges, should this one die. Asked for only where processes share. */
  readonly note?: () => string;
}

export type Refusal =
  /** `waitMs`: when as much is there again; Infinity: it never fits the bucket. */
  | { readonly ok: false; readonly kind: 'room'; readonly key: string; readonly waitMs: number }
  /** Too many places are taken. */
  | { readonly ok: false; readonly kind: 'busy'; readonly key: string }
  /** `pending`: it would fit, were it not for money that is set aside and may come back. */
  | { readonly ok: false; readonly kind: 'budget'; readonly key: string; readonly pending: boolean };

export interface Granted {
  readonly ok: true;
  /** Leave no earlier than this. */
  readonly waitMs: number;
  readonly reservation: Reservation;
}

export type Verdict = Granted | Refusal;

export interface Reservation {
  /**
   * Once; later calls do nothing. `used` is aligned with `takes`: what is less than was taken goes back, what is more becomes debt.
   * `nanoUsd` is what each charge has really cost. `account` is what the ledger will say of it; where processes share, it is kept
   * until `written`, so that nothing is missing from the ledger when a process dies before it has written it.
   */
  settle(used: readonly number[], nanoUsd: number, account?: () => string): void;
}

export interface BudgetState {
  readonly usedNanoUsd: number;
  /** Set aside for attempts that run. */
  readonly heldNanoUsd: number;
}

export interface LimitsHealth {
  readonly kind: string;
  readonly status: 'ok' | 'degraded';
  /** What is wrong, and what is done about it. */
  readonly detail?: string;
  /** Processes that share the limits, this one included. */
  readonly processes: number;
}

/** Without takes: tokens are for a moment. */
export type LongDemand = Omit<Demand, 'takes' | 'maxWaitMs' | 'note'>;

export interface Limits {
  reserve(demand: Demand): Verdict | Promise<Verdict>;
  /**
   * Sets aside what is held for longer than a process may live, such as by a batch that runs at its provider. Under the id of the demand it is
   * held once, however often it is asked for, and by whichever of the processes that share limits.
   */
  hold(demand: LongDemand): Promise<{ readonly ok: true } | Refusal>;
  /** Settles what is held under that id, whoever asked for it; once, and nothing where nothing is held. `nanoUsd`: what each charge has really cost. */
  letGo(id: string, nanoUsd: number): void;
  /** A provider said what is left: lowers the level to it, never raises it. */
  correct(bucket: Bucket, remaining: number): void;
  /** Tokens in a bucket as far as this process knows; for metrics and `explain`. */
  level(bucket: Bucket): number;
  /** Places taken of a slot, as far as this process knows: by itself alone, where processes share. */
  busy(key: string): number;
  budget(key: string): BudgetState;
  /** What the ledger knows of budgets that were not charged yet: a budget that is new in the config begins with what was spent. */
  seed(totals: readonly Charge[]): Promise<void>;
  /** The ledger has these now, by the ids of their demands. */
  written(ids: readonly string[]): void;
  /** Calls back after something was given back that a refusal of kind `busy` or `budget` may have waited for. The answer unsubscribes. */
  onRelease(callback: () => void): () => void;
  health(): LimitsHealth;
  close(): Promise<void>;
}

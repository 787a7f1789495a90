/**
 * Limits that processes share through Redis: one script and one round trip a demand; settling is not waited for.
 *
 * While Redis does not answer, a process goes on alone (`fallback.ts`) with its share of every limit and with the money that it had
 * set aside for such a time. When Redis is back, and has lost its data, every process says what it last saw
 * (`restore.lua`) before it charges again. A process that dies is settled by the others (`members.ts`).
 */
import type { Clock } from '../../core/clock.ts';
import type { MakeId } from '../../core/ids.ts';
import { refill, tokens } from '../bucket.ts';
import type {
  Bucket,
  BudgetState,
  Charge,
  Demand,
  Limits,
  LimitsHealth,
  Reservation,
  Verdict,
} from '../contract.ts';
import { Fallback, type MakeAlone } from './fallback.ts';
import { createKeys, type Keys } from './keys.ts';
import { Members, type Orphan } from './members.ts';
import { Places } from './places.ts';
import type { RedisLink } from './scripts.ts';
import { Seen } from './seen.ts';
import { isKept, type Made, readRefusal, spellReserving, spellSettling } from './spelling.ts';

export interface RedisOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly makeId: MakeId;
  /** Limits of this process, for a time without Redis. */
  readonly alone: MakeAlone;
  /** Gateways that share limits have the same one. */
  readonly namespace?: string;
  /** For tests: scripts go by our clock instead of the server's. */
  readonly ownTime?: boolean;
  /** What the ledger knows of a budget's window, when Redis knows nothing. */
  readonly ledgerTotals?: () => Promise<readonly Charge[]>;
  /** A process died with these open; kept before they are counted as used. */
  readonly onOrphans?: (orphans: readonly Orphan[]) => Promise<void>;
  readonly onTrouble?: (error: unknown, message: string) => void;
  /** How long capped budgets wait for every process to say what it saw, after Redis lost its data. */
  readonly settlingMs?: number;
}

const firstConnectionMs = 3_000;
/** A request that finds the epoch over. Joining another takes two round trips, and where nobody has begun it a look into the ledger. */
const longestRejoinMs = 1_000;
const mostRejoins = 3;
/** Longer than two beats, so that every process that lives has spoken. */
const defaultSettlingMs = 2_500;

export class RedisLimits implements Limits {
  readonly #options: RedisOptions;
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #seen = new Seen();
  readonly #places = new Places();
  readonly #fallback: Fallback;
  readonly #members: Members;
  readonly #waiters = new Set<() => void>();
  /** Absent: we are on our own. */
  #epoch: string | undefined;
  #joining: Promise<void> | undefined;
  #trouble = 'Redis has not answered yet';
  #closed = false;

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#keys = createKeys(options.namespace ?? 'intermodal');
    this.#members = new Members(options, this.#keys, {
      onBeat: (epoch) => this.#beaten(epoch),
      onLost: (error) => this.#lose(error),
    });
    this.#fallback = new Fallback(options.alone, options.clock, this.#seen, () => this.#members.count);
    options.link.onReady(() => void this.join());
    options.link.onLost(() => this.#lose(new Error('the connection to Redis was lost')));
  }

  /** Resolves once Redis is in use, at most after some seconds: then the gateway begins on its own. */
  async connected(): Promise<void> {
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(firstConnectionMs, () => done());
      const done = (): void => {
        cancel();
        this.#waiters.delete(done);
        resolve();
      };
      if (this.#epoch === undefined) this.#waiters.add(done);
      else done();
    });
  }

  join(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#joining ??= this.#join().finally(() => {
      this.#joining = undefined;
    });
    return this.#joining;
  }

  async #join(): Promise<void> {
    if (!this.#link.connected) return;
    try {
      await this.#follow(await this.#members.beat());
    } catch (thrown) {
      this.#lose(thrown);
      // Also where there was nothing to lose: at the start the connection may stand, and nobody answer on it.
      if (this.#epoch === undefined) this.#members.retry(() => void this.join());
    }
  }

  /** Takes part in an epoch; '' where there is none yet. */
  async #follow(epoch: string): Promise<void> {
    if (epoch !== '' && epoch === this.#seen.epoch) {
      await this.#resume(epoch);
      return;
    }
    const totals = await (epoch === '' ? this.#options.ledgerTotals?.() : undefined);
    for (const charge of totals ?? []) this.#seen.atLeast(charge);
    const { keys, args, charges } = this.#seen.restoring(this.#keys, this.#now());
    const begin = this.#options.makeId('epoch_');
    const settlingMs = this.#seen.epoch === '' ? 0 : (this.#options.settlingMs ?? defaultSettlingMs);
    const reply = await this.#link.run(
      'restore',
      [this.#keys.epoch, this.#keys.settling, ...keys],
      [this.#scriptNow(), begin, settlingMs, ...args],
    );
    this.#seen.noteBudgets(charges, reply.slice(1).map(Number), this.#now());
    await this.#resume(String(reply[0]));
  }

  async #resume(epoch: string): Promise<void> {
    const back = this.#epoch === undefined;
    this.#seen.epoch = epoch;
    this.#epoch = epoch;
    if (back) this.#fallback.leave((charge, spent) => this.#adjust(charge, spent));
    this.#members.start();
    this.#release();
  }

  async #beaten(epoch: string): Promise<void> {
    if (epoch !== this.#epoch) await this.#follow(epoch);
    await this.#lease();
  }

  /** Sets money aside for a time without Redis: counted as used at once, so that nobody waits for it to come back. */
  async #lease(): Promise<void> {
    for (const charge of this.#fallback.wanted()) {
      if (this.#epoch === undefined) return;
      const demand = {
        id: this.#options.makeId('lease_'),
        takes: [],
        slots: [],
        charges: [charge],
        maxWaitMs: 0,
      };
      const verdict = await this.reserve(demand);
      if (!verdict.ok) continue;
      const lost = this.#epoch === undefined;
      verdict.reservation.settle([], lost ? 0 : charge.nanoUsd);
      if (!lost) this.#fallback.lease(charge);
    }
  }

  reserve(demand: Demand): Verdict | Promise<Verdict> {
    const epoch = this.#epoch;
    if (epoch === undefined) return this.#fallback.reserve(demand);
    return this.#reserve(demand, epoch, 0);
  }

  async #reserve(demand: Demand, epoch: string, again: number): Promise<Verdict> {
    const process = this.#members.process;
    const nowMs = this.#now();
    const { keys, args } = spellReserving(this.#keys, demand);
    let reply: readonly unknown[];
    try {
      reply = await this.#link.run(
        'reserve',
        [
          this.#keys.epoch,
          this.#keys.settling,
          this.#keys.open(process),
          this.#keys.touched(process),
          this.#keys.live,
          ...keys,
        ],
        [this.#scriptNow(), epoch, process, ...args],
      );
    } catch (thrown) {
      // Perhaps it was made and only the answer is lost: taken back when Redis answers again.
      this.#lose(thrown);
      this.#fallback.later(() => this.#settle({ demand, process, epoch }, unused(demand), 0, 'unsure'));
      return this.#fallback.reserve(demand);
    }
    const [code, waitMs, index] = reply.slice(0, 3).map(Number);
    if (code === 0) {
      if (again < mostRejoins) await this.#rejoin(epoch);
      else this.#lose(new Error('Redis forgets as fast as it is told'));
      const now = this.#epoch;
      return now === undefined ? this.#fallback.reserve(demand) : this.#reserve(demand, now, again + 1);
    }
    this.#seen.note(demand, reply.slice(3).map(Number), nowMs);
    if (code !== 1) return readRefusal(demand, code ?? 0, waitMs ?? 0, index ?? 0);
    return { ok: true, waitMs: waitMs ?? 0, reservation: this.#reservation(demand, process, epoch) };
  }

  /** Another epoch has begun, or we were taken for dead. A request waits for us to find our place again, but not for long. */
  async #rejoin(epoch: string): Promise<void> {
    const { clock } = this.#options;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(longestRejoinMs, () => {
        if (this.#epoch === epoch) this.#lose(new Error('Redis lost its data, and does not take ours'));
        resolve();
      });
    });
    await Promise.race([this.join(), late]);
    cancel();
  }

  #reservation(demand: Demand, process: string, epoch: string): Reservation {
    let over = false;
    this.#places.add(demand.slots, 1);
    return {
      settle: (used, nanoUsd, account) => {
        if (over) return;
        over = true;
        this.#places.add(demand.slots, -1);
        const entry = isKept(demand) ? (account?.() ?? '') : '';
        this.#settle({ demand, process, epoch, entry }, used, nanoUsd, 'sure');
        this.#release();
      },
    };
  }

  #settle(made: Made, used: readonly number[], nanoUsd: number, how: 'sure' | 'unsure'): void {
    const { demand, process, epoch } = made;
    const current = this.#epoch;
    if (current === undefined) {
      // Money that is settled late is only money that is held too long.
      this.#fallback.later(() => this.#settle(made, used, nanoUsd, how));
      return;
    }
    const { keys, args } = spellSettling(this.#keys, made, { used, nanoUsd, how }, current);
    if (how === 'sure')
      for (const [index, { bucket, amount }] of demand.takes.entries())
        this.#seen.giveBack(bucket, amount - (used[index] ?? amount), this.#now());
    this.#link
      .run(
        'settle',
        [this.#keys.epoch, this.#keys.open(process), this.#keys.settled(process), ...keys],
        [this.#scriptNow(), epoch, ...args],
      )
      .then(
        ([code, ...state]) => {
          if (Number(code) === 1) this.#seen.noteBudgets(demand.charges, state.map(Number), this.#now());
          else this.#settleInNext(made, used, nanoUsd, how, current);
        },
        (thrown: unknown) => {
          this.#lose(thrown);
          this.#fallback.later(() => this.#settle(made, used, nanoUsd, 'unsure'));
        },
      );
  }

  /** The epoch that it was sent in is over: it waits until what was seen before is restored. */
  #settleInNext(
    made: Made,
    used: readonly number[],
    nanoUsd: number,
    how: 'sure' | 'unsure',
    past: string,
  ): void {
    if (this.#epoch === past) {
      this.#lose(new Error('Redis lost its data'));
      void this.join();
    }
    this.#settle(made, used, nanoUsd, how);
  }

  /** Corrects a budget by the difference between what counts as used of it and what really was. */
  #adjust(charge: Charge, spent: number): void {
    const demand: Demand = {
      id: this.#options.makeId('adj_'),
      takes: [],
      slots: [],
      charges: [charge],
      maxWaitMs: 0,
    };
    this.#settle({ demand, process: this.#members.process, epoch: this.#epoch ?? '' }, [], spent, 'sure');
  }

  correct(bucket: Bucket, remaining: number): void {
    const left = Math.max(0, Math.floor(remaining));
    if (this.#epoch === undefined) {
      this.#fallback.correct(bucket, left);
      return;
    }
    if (left >= this.level(bucket)) return;
    const nowMs = this.#now();
    this.#link
      .run(
        'correct',
        [this.#keys.bucket(bucket.key)],
        [this.#scriptNow(), bucket.limit, bucket.periodMs, bucket.burst, left],
      )
      .then(
        (reply) => this.#seen.noteLevel(bucket, Number(reply[0]), nowMs),
        (thrown: unknown) => this.#lose(thrown),
      );
  }

  level(bucket: Bucket): number {
    const level = this.#seen.level(bucket);
    if (level === undefined) return bucket.burst;
    const copy = { ...level };
    refill(copy, bucket, this.#now());
    return tokens(copy, bucket);
  }

  busy(key: string): number {
    return this.#places.held(key);
  }

  budget(key: string): BudgetState {
    return this.#seen.budget(key);
  }

  written(ids: readonly string[]): void {
    // While Redis is away they stay; what another process then writes once more is the same entry.
    if (this.#epoch === undefined || ids.length === 0) return;
    this.#link
      .forget(this.#keys.settled(this.#members.process), ids)
      .catch((thrown: unknown) => this.#lose(thrown));
  }

  onRelease(callback: () => void): () => void {
    this.#waiters.add(callback);
    return () => this.#waiters.delete(callback);
  }

  health(): LimitsHealth {
    const processes = this.#members.count;
    if (this.#epoch !== undefined) return { kind: 'redis', status: 'ok', processes };
    const detail = `${this.#trouble}; this process goes on with its share of the limits, one of ${processes}`;
    return { kind: 'redis', status: 'degraded', detail, processes };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#epoch !== undefined) this.#fallback.giveUp((charge, spent) => this.#adjust(charge, spent));
    await this.#members.leave();
    this.#link.close();
  }

  #lose(thrown: unknown): void {
    if (this.#epoch === undefined || this.#closed) return;
    this.#epoch = undefined;
    this.#trouble = thrown instanceof Error ? thrown.message : 'Redis does not answer';
    this.#fallback.enter();
    this.#options.onTrouble?.(thrown, 'Redis is lost: going on with a share of the limits');
    this.#release();
    // The connection may stand although a command got no answer; then nothing else would bring us back.
    this.#members.retry(() => void this.join());
  }

  #release(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async seed(totals: readonly Charge[]): Promise<void> {
    // While Redis does not answer there is nobody to tell; when it is back it has what the processes saw.
    if (this.#epoch === undefined || totals.length === 0) return;
    const args = totals.flatMap(({ nanoUsd, expiresAtMs }) => [nanoUsd, expiresAtMs]);
    await this.#link.run(
      'seed',
      totals.map(({ key }) => this.#keys.budget(key)),
      args,
    );
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #scriptNow(): number {
    return this.#options.ownTime === true ? this.#now() : 0;
  }
}

const unused = (demand: Demand): number[] => demand.takes.map(() => 0);

import { refill, tokens } from '../bucket.ts';
import type {
  Bucket,
  BudgetState,
  Charge,
  Demand,
  Limits,
  LimitsHealth,
  LongDemand,
  Refusal,
  Reservation,
  Verdict,
} from '../contract.ts';
import { Fallback, type MakeAlone, type Teller } from './fallback.ts';
import { Holding } from './holding.ts';
import { createKeys, type Keys } from './keys.ts';
import { Places } from './places.ts';
import type { RedisLink } from './scripts.ts';
import { Seen } from './seen.ts';
import {
  type Asked,
  type How,
  isKept,
  type Made,
  readRefusal,
  spellReserving,
  spellSettling,
} from './spelling.ts';
import { Standing, type StandingOptions } from './standing.ts';

export interface RedisOptions extends StandingOptions {
  /** Limits of this process, for a time without Redis. */
  readonly alone: MakeAlone;
  /** Gateways that share limits have the same one. */
  readonly namespace?: string;
}

const firstConnectionMs = 3_000;
const mostRejoins = 3;

export class RedisLimits implements Limits {
  readonly #options: RedisOptions;
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #seen = new Seen();
  readonly #places = new Places();
  readonly #fallback: Fallback;
  readonly #standing: Standing;
  readonly #holding: Holding;
  readonly #waiters = new Set<() => void>();

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#keys = createKeys(options.namespace ?? 'intermodal');
    this.#standing = new Standing(options, this.#keys, this.#seen, {
      onBack: (kept) => this.#fallback.leave(this.#teller, kept),
      onJoined: () => this.#release(),
      onBeat: () => this.#lease(),
      onLost: () => {
        this.#fallback.enter();
        this.#release();
      },
    });
    this.#fallback = new Fallback(options.alone, options.clock, this.#seen, () => this.#standing.count);
    this.#holding = new Holding({
      link: this.#link,
      keys: this.#keys,
      epoch: () => this.#standing.epoch,
      next: (epoch, again) => this.#nextEpoch(epoch, again),
      ask: (demand, by, epoch) => this.#ask(demand, by, epoch),
      alone: (demand) => this.#fallback.reserve(demand),
      settle: (made, nanoUsd) => {
        this.#settle(made, [], nanoUsd, 'once');
        this.#release();
      },
      later: (task) => this.#fallback.later(task),
      lost: (thrown) => this.#standing.lose(thrown),
    });
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
      if (this.#standing.epoch === undefined) this.#waiters.add(done);
      else done();
    });
  }

  join(): Promise<void> {
    return this.#standing.join();
  }

  /** Sets money aside for a time without Redis: counted as used at once, so that nobody waits for it to come back. */
  async #lease(): Promise<void> {
    for (const charge of this.#fallback.wanted()) {
      if (this.#standing.epoch === undefined) return;
      const demand = {
        id: this.#options.makeId('lease_'),
        takes: [],
        slots: [],
        charges: [charge],
        maxWaitMs: 0,
      };
      const verdict = await this.reserve(demand);
      if (!verdict.ok) continue;
      const lost = this.#standing.epoch === undefined;
      verdict.reservation.settle([], lost ? 0 : charge.nanoUsd);
      if (!lost) this.#fallback.lease(charge);
    }
  }

  reserve(demand: Demand): Verdict | Promise<Verdict> {
    const epoch = this.#standing.epoch;
    if (epoch === undefined) return this.#fallback.reserve(demand);
    return this.#reserve(demand, epoch, 0);
  }

  async #reserve(demand: Demand, epoch: string, again: number): Promise<Verdict> {
    const process = this.#standing.process;
    const answer = await this.#ask(demand, process, epoch);
    if (answer === 'lost') {
      // Perhaps it was made and only the answer is lost: taken back when Redis answers again.
      this.#fallback.later(() => this.#settle({ demand, process, epoch }, unused(demand), 0, 'unsure'));
      return this.#fallback.reserve(demand);
    }
    if (answer === 'over') {
      const now = await this.#nextEpoch(epoch, again);
      return now === undefined ? this.#fallback.reserve(demand) : this.#reserve(demand, now, again + 1);
    }
    if (!answer.ok) return answer;
    return { ...answer, reservation: this.#reservation(demand, process, epoch) };
  }

  /** One round trip. `by`: in whose name. */
  async #ask(demand: Demand, by: string, epoch: string): Promise<Asked> {
    const nowMs = this.#now();
    const { epoch: key, settling, open, touched, live } = this.#keys;
    const { keys, args } = spellReserving(this.#keys, demand);
    let reply: readonly unknown[];
    try {
      reply = await this.#link.run(
        'reserve',
        [key, settling, open(by), touched(by), live, ...keys],
        [this.#scriptNow(), epoch, by, ...args],
      );
    } catch (thrown) {
      this.#standing.lose(thrown);
      return 'lost';
    }
    const [code, waitMs, index] = reply.slice(0, 3).map(Number);
    if (code === 0) return 'over';
    this.#seen.note(demand, reply.slice(3).map(Number), nowMs);
    if (code !== 1) return readRefusal(demand, code ?? 0, waitMs ?? 0, index ?? 0);
    return { ok: true, waitMs: waitMs ?? 0 };
  }

  /** `undefined`: there is none, for now. */
  async #nextEpoch(epoch: string, again: number): Promise<string | undefined> {
    if (again < mostRejoins) await this.#standing.rejoin(epoch);
    else this.#standing.lose(new Error('Redis forgets as fast as it is told'));
    return this.#standing.epoch;
  }

  hold(demand: LongDemand): Promise<{ readonly ok: true } | Refusal> {
    return this.#holding.hold(demand);
  }

  letGo(id: string, nanoUsd: number): void {
    this.#holding.letGo(id, nanoUsd);
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

  #settle(made: Made, used: readonly number[], nanoUsd: number, how: How): void {
    const { demand, process, epoch } = made;
    const current = this.#standing.epoch;
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
          this.#standing.lose(thrown);
          const then = how === 'once' ? how : 'unsure';
          this.#fallback.later(() => this.#settle(made, used, nanoUsd, then));
        },
      );
  }

  /** The epoch that it was sent in is over: it waits until what was seen before is restored. */
  #settleInNext(made: Made, used: readonly number[], nanoUsd: number, how: How, past: string): void {
    if (this.#standing.epoch === past) {
      this.#standing.lose(new Error('Redis lost its data'));
      void this.#standing.join();
    }
    this.#settle(made, used, nanoUsd, how);
  }

  /** Corrects by what happened while we were alone. */
  readonly #teller: Teller = {
    spent: (charge, nanoUsd) => this.#adjust({ takes: [], charges: [charge] }, [], nanoUsd),
    took: (bucket, amount) =>
      this.#adjust({ takes: [{ bucket, amount: 0, floor: 0, mayWait: false }], charges: [] }, [amount], 0),
  };

  #adjust(of: Pick<Demand, 'takes' | 'charges'>, used: readonly number[], nanoUsd: number): void {
    const demand: Demand = { id: this.#options.makeId('adj_'), ...of, slots: [], maxWaitMs: 0 };
    const { process, epoch = '' } = this.#standing;
    this.#settle({ demand, process, epoch }, used, nanoUsd, 'sure');
  }

  correct(bucket: Bucket, remaining: number): void {
    const left = Math.max(0, Math.floor(remaining));
    if (this.#standing.epoch === undefined) {
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
        (thrown: unknown) => this.#standing.lose(thrown),
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
    if (this.#standing.epoch === undefined || ids.length === 0) return;
    this.#link
      .forget(this.#keys.settled(this.#standing.process), ids)
      .catch((thrown: unknown) => this.#standing.lose(thrown));
  }

  onRelease(callback: () => void): () => void {
    this.#waiters.add(callback);
    return () => this.#waiters.delete(callback);
  }

  health(): LimitsHealth {
    const processes = this.#standing.count;
    if (this.#standing.epoch !== undefined) return { kind: 'redis', status: 'ok', processes };
    const detail = `${this.#standing.trouble}; this process goes on with its share of the limits, one of ${processes}`;
    return { kind: 'redis', status: 'degraded', detail, processes };
  }

  async close(): Promise<void> {
    if (this.#standing.epoch !== undefined) this.#fallback.giveUp(this.#teller);
    await this.#standing.leave();
    this.#link.close();
  }

  #release(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async seed(totals: readonly Charge[]): Promise<void> {
    // While Redis does not answer there is nobody to tell; when it is back it has what the processes saw.
    if (this.#standing.epoch === undefined || totals.length === 0) return;
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

/**
 * Where a process stands with Redis: in an epoch, which it joined by saying what it last saw, or alone. It learns of another epoch by its
 * beats and by refusals, joins that, and after a loss asks again every second.
 */
import type { Charge } from '../contract.ts';
import type { Keys } from './keys.ts';
import { Members, type MembersOptions } from './members.ts';
import type { Seen } from './seen.ts';

export interface StandingOptions extends MembersOptions {
  /** What the ledger knows of a budget's window, when Redis knows nothing. */
  readonly ledgerTotals?: () => Promise<readonly Charge[]>;
  /** How long capped budgets wait for every process to say what it saw, after Redis lost its data. */
  readonly settlingMs?: number;
}

export interface StandingEvents {
  /** No longer alone. `kept`: Redis has what it had. */
  onBack(kept: boolean): void;
  onJoined(): void;
  onBeat(): Promise<void>;
  onLost(): void;
}

/** A request that finds the epoch over. Joining another takes two round trips, and where nobody has begun it a look into the ledger. */
const longestRejoinMs = 1_000;
/** Longer than two beats, so that every process that lives has spoken. */
const defaultSettlingMs = 2_500;
/** After a failover processes come one by one: each must find who was promoted, perhaps by way of a host that is gone. */
const failoverFactor = 2;

export class Standing {
  readonly #options: StandingOptions;
  readonly #keys: Keys;
  readonly #seen: Seen;
  readonly #events: StandingEvents;
  readonly #members: Members;
  /** Absent: we are on our own. */
  #epoch: string | undefined;
  #joining: Promise<void> | undefined;
  #trouble = 'Redis has not answered yet';
  #left = false;

  constructor(options: StandingOptions, keys: Keys, seen: Seen, events: StandingEvents) {
    this.#options = options;
    this.#keys = keys;
    this.#seen = seen;
    this.#events = events;
    this.#members = new Members(options, keys, {
      onBeat: (epoch) => this.#beaten(epoch),
      onLost: (error) => this.lose(error),
    });
    options.link.onReady(() => void this.join());
    options.link.onLost(() => this.lose(new Error('the connection to Redis was lost')));
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** The name that this process has at present. */
  get process(): string {
    return this.#members.process;
  }

  get count(): number {
    return this.#members.count;
  }

  /** Why we were last on our own. */
  get trouble(): string {
    return this.#trouble;
  }

  join(): Promise<void> {
    if (this.#left) return Promise.resolve();
    this.#joining ??= this.#join().finally(() => {
      this.#joining = undefined;
    });
    return this.#joining;
  }

  async #join(): Promise<void> {
    if (!this.#options.link.connected) return;
    try {
      await this.#follow(await this.#members.beat());
    } catch (thrown) {
      this.lose(thrown);
      // Also where there was nothing to lose: at the start the connection may stand, and nobody answer on it.
      if (this.#epoch === undefined) this.#members.retry(() => void this.join());
    }
  }

  /** Takes part in an epoch; '' where there is none yet, or it is over. */
  async #follow(epoch: string): Promise<void> {
    if (epoch !== '' && epoch === this.#seen.epoch) {
      this.#resume(epoch, true);
      return;
    }
    const { link, clock, makeId, ledgerTotals, settlingMs = defaultSettlingMs, ownTime } = this.#options;
    const totals = await (epoch === '' ? ledgerTotals?.() : undefined);
    for (const charge of totals ?? []) this.#seen.atLeast(charge);
    const { keys, args, charges } = this.#seen.restoring(this.#keys, clock.now());
    const reply = await link.run(
      'restore',
      [this.#keys.epoch, this.#keys.settling, ...keys],
      [
        ownTime === true ? clock.now() : 0,
        makeId('epoch_'),
        this.#seen.epoch === '' ? 0 : settlingMs,
        settlingMs * failoverFactor,
        ...args,
      ],
    );
    this.#seen.noteBudgets(charges, reply.slice(1).map(Number), clock.now());
    this.#resume(String(reply[0]), false);
  }

  #resume(epoch: string, kept: boolean): void {
    const back = this.#epoch === undefined;
    this.#seen.epoch = epoch;
    this.#epoch = epoch;
    if (back) this.#events.onBack(kept);
    this.#members.start();
    this.#events.onJoined();
  }

  async #beaten(epoch: string): Promise<void> {
    // As requests do that were refused: two that tell the same epoch would have it counted twice.
    if (epoch !== this.#epoch) await this.join();
    await this.#events.onBeat();
  }

  /** Another epoch has begun, or we were taken for dead. A request waits for us to find our place again, but not for long. */
  async rejoin(epoch: string): Promise<void> {
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(longestRejoinMs, () => {
        if (this.#epoch === epoch) this.lose(new Error('Redis lost its data, and does not take ours'));
        resolve();
      });
    });
    await Promise.race([this.join(), late]);
    cancel();
  }

  lose(thrown: unknown): void {
    if (this.#epoch === undefined || this.#left) return;
    this.#epoch = undefined;
    this.#trouble = thrown instanceof Error ? thrown.message : 'Redis does not answer';
    this.#options.onTrouble?.(thrown, 'Redis is lost: going on with a share of the limits');
    this.#events.onLost();
    // The connection may stand although a command got no answer; then nothing else would bring us back.
    this.#members.retry(() => void this.join());
  }

  async leave(): Promise<void> {
    this.#left = true;
    await this.#members.leave();
  }
}

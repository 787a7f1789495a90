/**
 * The processes that share limits: each says every second that it lives, and whoever notices that one has died
 * settles for it. What a dead process had set aside counts as used, since nobody knows what its provider has billed.
 */
import type { Clock } from '../../core/clock.ts';
import type { MakeId } from '../../core/ids.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './scripts.ts';

/** Long enough for a garbage collection or a stolen core; a process that is declared dead by mistake loses only its refunds. */
const silenceMs = 10_000;
const beatMs = 1_000;

/** An attempt of a process that died: still running, or settled and not in the ledger yet. */
export interface Orphan {
  readonly id: string;
  /** As in the demand. */
  readonly note: string;
}

export interface MembersOptions {
  readonly link: RedisLink;
  readonly clock: Clock;
  readonly makeId: MakeId;
  /** For tests: scripts go by our clock instead of the server's. */
  readonly ownTime?: boolean;
  /** A process died with these open; kept before they are counted as used. */
  readonly onOrphans?: (orphans: readonly Orphan[]) => Promise<void>;
  readonly onTrouble?: (error: unknown, message: string) => void;
}

export interface MembersEvents {
  onBeat(epoch: string): Promise<void>;
  onLost(error: unknown): void;
}

export class Members {
  readonly #options: MembersOptions;
  readonly #keys: Keys;
  readonly #events: MembersEvents;
  #process: string;
  #count = 1;
  /** Has beaten under this name. */
  #joined = false;
  #settling = false;
  #cancel: (() => void) | undefined;
  #left = false;

  constructor(options: MembersOptions, keys: Keys, events: MembersEvents) {
    this.#options = options;
    this.#keys = keys;
    this.#events = events;
    this.#process = options.makeId('p_');
  }

  get process(): string {
    return this.#process;
  }

  /** Living processes, as of the last beat. */
  get count(): number {
    return this.#count;
  }

  /** Resolves to the epoch, '' where there is none. Rejects when Redis does not answer. */
  async beat(): Promise<string> {
    let reply = await this.#say();
    // Taken for dead and settled by others, or Redis lost its data: what this process does from now on is another one's.
    if (Number(reply[1]) === 0 && this.#joined) {
      this.#process = this.#options.makeId('p_');
      this.#joined = false;
      reply = await this.#say();
    }
    this.#joined = true;
    const [epoch, , count, ...dead] = reply;
    this.#count = Math.max(1, Number(count));
    if (dead.length > 0) this.#settleForAll(dead.map(String));
    return String(epoch);
  }

  #say(): Promise<readonly unknown[]> {
    const { live, epoch, calm } = this.#keys;
    return this.#options.link.run(
      'beat',
      [live, epoch, calm],
      [this.#scriptNow(), this.#process, silenceMs, this.#joined ? '1' : '0'],
    );
  }

  #scriptNow(): number {
    const { ownTime, clock } = this.#options;
    return ownTime === true ? clock.now() : 0;
  }

  /** Beside the beats, not between them: a ledger that is slow to take the orphans must not make this process look dead. */
  #settleForAll(dead: readonly string[]): void {
    if (this.#settling) return;
    this.#settling = true;
    const work = async (): Promise<void> => {
      for (const name of dead) await this.#settleFor(name);
    };
    work()
      .catch((thrown: unknown) =>
        this.#options.onTrouble?.(thrown, 'a dead process could not be settled; tried again later'),
      )
      .finally(() => {
        this.#settling = false;
      });
  }

  async #settleFor(dead: string): Promise<void> {
    const { link, onOrphans, onTrouble } = this.#options;
    const open = this.#keys.open(dead);
    const touched = this.#keys.touched(dead);
    const settled = this.#keys.settled(dead);
    const notes = { ...(await link.hash(open)), ...(await link.hash(settled)) };
    const orphans = Object.entries(notes).map(([id, note]) => ({ id, note }));
    try {
      // First the ledger, then the budget: what is written twice is kept once, what is counted and not written would be lost.
      if (orphans.length > 0) await onOrphans?.(orphans);
    } catch (thrown) {
      onTrouble?.(
        thrown,
        'the attempts of a dead process could not be written to the ledger; tried again later',
      );
      return;
    }
    const keys = [this.#keys.live, open, touched, settled, ...(await link.members(touched))];
    await link.run('reclaim', keys, [this.#scriptNow(), dead, silenceMs]);
  }

  /** Beats from now on. */
  start(): void {
    this.#schedule(beatMs, async () => {
      await this.#events.onBeat(await this.beat());
    });
  }

  /** Asks `task` again in a while, instead of beating. */
  retry(task: () => void): void {
    this.#schedule(beatMs, async () => task());
  }

  #schedule(ms: number, task: () => Promise<void>): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#left) return;
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#cancel = undefined;
      task().then(
        () => {
          if (this.#cancel === undefined) this.#schedule(ms, task);
        },
        (thrown: unknown) => this.#events.onLost(thrown),
      );
    });
  }

  /** No more beats; the others settle what is still open once the silence is long enough. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#cancel?.();
  }
}

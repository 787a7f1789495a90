/**
 * Sleeps until a time or until it is rung for, for one or several that look at the same rows. A ring that comes while somebody looks is
 * not lost: who then goes to sleep is awake at once. A ring wakes one of those who sleep, and so does the time that the last of them was told.
 */
import type { Clock } from './clock.ts';

export class Bell {
  readonly #clock: Clock;
  readonly #sleepers: (() => void)[] = [];
  #rings = 0;
  #cancelTimer = (): void => {};
  #looked = Promise.withResolvers<void>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** There is something to see. Resolves once somebody begins to look, at the latest when it is closed. */
  ring(): Promise<void> {
    this.#rings += 1;
    this.#sleepers.shift()?.();
    return this.#closed ? Promise.resolve() : this.#looked.promise;
  }

  /** Somebody begins to look. The answer is for `sleep`, should there be nothing. */
  look(): number {
    this.#looked.resolve();
    this.#looked = Promise.withResolvers();
    return this.#rings;
  }

  /** What `look` would answer, of somebody who cannot look now. */
  get rings(): number {
    return this.#rings;
  }

  /** Until the next ring since `rings`, or for so many ms. */
  async sleep(rings: number, forMs: () => Promise<number>): Promise<void> {
    if (this.#isAwake(rings)) return;
    const ms = await forMs();
    if (ms <= 0 || this.#isAwake(rings)) return;
    // Who asks last knows best what is due when.
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(ms, () => this.#sleepers.shift()?.());
    await new Promise<void>((resolve) => this.#sleepers.push(resolve));
    if (this.#sleepers.length === 0) this.#cancelTimer();
  }

  /** Nobody sleeps any more. */
  close(): void {
    this.#closed = true;
    this.#looked.resolve();
    this.#cancelTimer();
    for (const wake of this.#sleepers.splice(0)) wake();
  }

  #isAwake(rings: number): boolean {
    return this.#closed || rings !== this.#rings;
  }
}

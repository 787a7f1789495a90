/**
 * Where requests wait for something to be given back: a place, or money that was set aside. Each release wakes the few that have
 * waited longest; all others go on sleeping, so that a thousand waiting requests do not ask a thousand times for one place.
 */
import type { Clock } from '../core/clock.ts';
import type { Sink } from './contract.ts';

/** One release may make room for more than one; those that find none wait again. */
const wokenAtOnce = 8;
/** Bounds memory; whoever comes then is refused at once. */
const mostWaiting = 10_000;

export class Line {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something was given back. */
  readonly release = (): void => {
    let woken = 0;
    for (const wake of this.#waiting) {
      if (woken === wokenAtOnce) return;
      woken += 1;
      wake();
    }
  };

  /** Waits for a release, at most `ms`. False where too many wait already. */
  async wait(ms: number, sink: Sink): Promise<boolean> {
    if (this.#waiting.size >= mostWaiting) return false;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        forget();
        this.#waiting.delete(done);
        resolve();
      };
      const cancel = this.#clock.after(ms, done);
      this.#waiting.add(done);
      const forget = sink.onClose(done);
    });
    return true;
  }

  get length(): number {
    return this.#waiting.size;
  }
}

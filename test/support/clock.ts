/** A clock that stands still until told to go on. Timers fire in order of time, then of setting. */
import type { Clock } from '../../src/core/clock.ts';

export interface FakeClock extends Clock {
  /** Moves time on, firing what falls due, and lets promises settle between timers. */
  advance(ms: number): Promise<void>;
  /** Timers still set; a test that ends with some has leaked them. */
  pending(): number;
}

export function createFakeClock(startMs = 1_000_000): FakeClock {
  let now = startMs;
  let order = 0;
  let timers: { atMs: number; order: number; callback: () => void }[] = [];

  async function advance(ms: number): Promise<void> {
    const until = now + ms;
    await settle();
    for (;;) {
      timers.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const due = timers[0];
      if (due === undefined || due.atMs > until) break;
      timers.shift();
      now = due.atMs;
      due.callback();
      await settle();
    }
    now = until;
  }

  return {
    now: () => now,
    after(ms, callback) {
      const timer = { atMs: now + ms, order: order++, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    advance,
    pending: () => timers.length,
  };
}

/** Lets every promise that can settle without a timer do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

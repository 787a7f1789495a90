/**
 * Time that runs faster. It goes on in small steps, and never by more than a little at once: while this process is busy or is not let run,
 * the drill's time stands still too, so that a slow machine looks slow to nobody in it.
 */
import type { Clock } from '../../core/clock.ts';

export interface FastClock extends Clock {
  readonly speed: number;
  /** Resolves when so much of its time has gone by. */
  sleep(ms: number): Promise<void>;
  stop(): void;
}

/** Real milliseconds between steps, and the most of them that one step takes for gone. */
const stepMs = 1;
const mostStepMs = 2;

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export function createFastClock(startMs: number, speed: number): FastClock {
  let now = startMs;
  let order = 0;
  let before = performance.now();
  /** By time, then by when they were set; the next one is the last. */
  const timers: Timer[] = [];

  const later = (a: Timer, b: Timer): boolean => a.atMs > b.atMs || (a.atMs === b.atMs && a.order > b.order);

  function insert(timer: Timer): void {
    let [low, high] = [0, timers.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = timers[middle];
      if (at !== undefined && later(at, timer)) low = middle + 1;
      else high = middle;
    }
    timers.splice(low, 0, timer);
  }

  function step(): void {
    const real = performance.now();
    const until = now + Math.min(mostStepMs, real - before) * speed;
    before = real;
    for (;;) {
      const due = timers.at(-1);
      if (due === undefined || due.atMs > until) break;
      timers.pop();
      now = Math.max(now, due.atMs);
      due.callback();
    }
    now = until;
  }

  const ticking = setInterval(step, stepMs);

  function after(ms: number, callback: () => void): () => void {
    const timer = { atMs: now + Math.max(0, ms), order: order++, callback };
    insert(timer);
    return () => {
      const at = timers.indexOf(timer);
      if (at >= 0) timers.splice(at, 1);
    };
  }

  return {
    speed,
    now: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => after(ms, resolve)),
    stop: () => clearInterval(ticking),
  };
}

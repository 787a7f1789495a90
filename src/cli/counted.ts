/** What the store is asked every few seconds, so that whoever looks at metrics or health need not wait for it. */
import type { Clock } from '../core/clock.ts';
import type { Log } from '../telemetry/log.ts';

export interface Counted<T> {
  readonly latest: T;
  start(): void;
  close(): Promise<void>;
}

export interface Counting<T> {
  /** What is told before the first answer, and while the store does not answer at all. */
  readonly first: T;
  readonly everyMs: number;
  /** Where it fails, the latest answer stays. */
  count(): Promise<T>;
  readonly onTrouble: string;
}

export function counted<T>(
  { first, everyMs, count, onTrouble }: Counting<T>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Counted<T> {
  let latest = first;
  let closed = false;
  let cancel = (): void => {};
  let running: Promise<void> = Promise.resolve();
  const run = async (): Promise<void> => {
    try {
      latest = await count();
    } catch (thrown) {
      log.warn({ err: thrown }, onTrouble);
    }
    if (!closed) cancel = clock.after(everyMs, begin);
  };
  const begin = (): void => {
    running = run();
  };
  return {
    get latest() {
      return latest;
    },
    start: begin,
    async close() {
      closed = true;
      cancel();
      await running;
    },
  };
}

/** Which items are asked by themselves next, and when: so many at once, and a minute, as the config says. */
import type { Batch, Item } from './contract.ts';
import type { BatchWorldInside } from './world.ts';

interface NextWave {
  readonly items: readonly Item[];
  /** Of the earliest, whether it is in the wave or not. */
  readonly dueAtMs: number | undefined;
}

/** Those that are asked at once next. */
export async function nextWave(world: BatchWorldInside, batch: Batch): Promise<NextWave> {
  const nowMs = world.clock.now();
  const { aloneAtOnce, alonePerMinute } = world.settings();
  const most = Math.min(aloneAtOnce, alonePerMinute ?? aloneAtOnce);
  const items: Item[] = [];
  let dueAtMs: number | undefined;
  for (let after = 0; items.length < most; ) {
    const page = await world.rows.items.page(batch.no, after, 500, { states: ['alone'] });
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.seq;
    for (const item of page) {
      dueAtMs = Math.min(dueAtMs ?? item.dueAtMs, item.dueAtMs);
      if (item.dueAtMs <= nowMs) items.push(item);
    }
  }
  return { items: items.slice(0, most), dueAtMs };
}

/** Waits until so many calls more are within the rate of the config. */
export async function pace(world: BatchWorldInside, calls: number, signal: AbortSignal): Promise<void> {
  const { alonePerMinute } = world.settings();
  if (alonePerMinute === undefined) return;
  const bucket = { key: 'batch alone', limit: alonePerMinute, periodMs: 60_000, burst: alonePerMinute };
  const verdict = await world.limits.reserve({
    id: world.makeId('pace_'),
    takes: [{ bucket, amount: calls, floor: 0, mayWait: true }],
    slots: [],
    charges: [],
    maxWaitMs: 60_000,
  });
  const waitMs = verdict.ok ? verdict.waitMs : 60_000;
  if (verdict.ok) verdict.reservation.settle([calls], 0);
  if (waitMs > 0 && !signal.aborted) await waitFor(world, waitMs, signal);
}

function waitFor(world: BatchWorldInside, waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = world.clock.after(waitMs, done);
    signal.addEventListener('abort', done);
  });
}

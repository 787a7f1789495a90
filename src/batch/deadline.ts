/**
 * Whether a batch will miss its deadline as it goes: then what runs is stopped, what is finished is kept, and the rest is asked sync, item by item,
 * while there is time for that.
 */
import type { Batch } from './contract.ts';
import type { BatchWorldInside } from './world.ts';

/** One sync call, as planned for; long answers take longer, most are quicker. */
const callMs = 3_000;
/** Always kept: stopping a submission takes providers up to ten minutes. */
const leastMarginMs = 600_000;
/** Of a short window the provider's batch API gets at least this share. */
const batchShare = 0.5;

/** How long items take that are asked one by one, so many at once. */
export function aloneMs(items: number, atOnce: number): number {
  return (items * callMs) / Math.max(1, atOnce);
}

/** How long before its deadline a batch must turn to sync calls. */
export function marginMs(batch: Pick<Batch, 'windowMs'>, openItems: number, atOnce: number): number {
  const needed = leastMarginMs + aloneMs(openItems, atOnce);
  return Math.min(batch.windowMs * (1 - batchShare), needed);
}

export async function isAtRisk(world: BatchWorldInside, batch: Batch): Promise<boolean> {
  const { open } = await world.rows.items.counts(batch.no);
  const { aloneAtOnce } = world.settings();
  return world.clock.now() >= batch.deadlineAtMs - marginMs(batch, open, aloneAtOnce);
}

/** A look is never more than this share of the window: of a minute's, every three seconds. */
const lookShare = 0.05;

/** How long may be waited for anything of a batch: what is right for a day would sleep through a short window. */
export function mostWaitMs({ windowMs }: Pick<Batch, 'windowMs'>): number {
  return Math.max(1_000, windowMs * lookShare);
}

/** How long after its deadline a batch still waits for submissions that are being stopped. */
export function stopMs({ windowMs }: Pick<Batch, 'windowMs'>): number {
  return Math.min(leastMarginMs, windowMs * batchShare);
}

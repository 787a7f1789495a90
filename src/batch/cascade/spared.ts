/**
 * Items that would have no answer, spared by their cascade: where others' opinions cannot be had, the strong model is asked; where that has
 * failed too, the answer that is held stands.
 */
import type { Settled } from '../../stores/batch/contract.ts';
import type { Item, ItemState, Lane } from '../contract.ts';
import type { Verdict } from '../judge.ts';
import type { BatchWorldInside } from '../world.ts';
import { strongOf } from './after-answer.ts';

/** The verdict on one item's failure, unless its cascade knows better. */
export function spare(
  verdict: Verdict,
  item: Pick<Item, 'result'> | undefined,
  lane: Lane,
  lanes: readonly Lane[],
  nowMs: number,
): Pick<Settled, 'lane'> & Verdict {
  if (verdict.state !== 'dead') return verdict;
  if (lane.role === 'opinion' || lane.role === 'judge') return goOn(lane, lanes, nowMs);
  return item?.result === undefined ? verdict : { state: 'done' };
}

function goOn(lane: Lane, lanes: readonly Lane[], nowMs: number): Pick<Settled, 'lane'> & Verdict {
  const strong = strongOf(lanes, lane);
  return { state: 'waiting', lane: strong.lane, step: 0, strikes: 0, formStrikes: 0, dueAtMs: nowMs };
}

type From = Parameters<BatchWorldInside['rows']['items']['settleAll']>[1];
type To = Parameters<BatchWorldInside['rows']['items']['settleAll']>[2];

/** All of a lane alike. */
export async function settleSpared(
  world: Pick<BatchWorldInside, 'rows' | 'clock'>,
  lane: Lane,
  from: From,
  to: To,
): Promise<void> {
  const { items } = world.rows;
  if (to.state === 'dead' && (lane.role === 'opinion' || lane.role === 'judge')) {
    const { error: _none, ...rest } = to;
    const verdict = goOn(lane, await items.lanes(lane.batchNo), world.clock.now());
    await items.settleAll(lane.batchNo, from, { ...rest, ...verdict });
    return;
  }
  if (to.state === 'dead') await settleKept(world, lane.batchNo, from, to);
  await items.settleAll(lane.batchNo, from, to);
}

/** Those that hold an answer are done with it. */
export async function settleKept(
  { rows }: Pick<BatchWorldInside, 'rows'>,
  batchNo: number,
  from: From & { readonly states?: readonly ItemState[] },
  { attempted, failed }: Pick<To, 'attempted' | 'failed'> = { attempted: false },
): Promise<void> {
  const to = { state: 'done' as const, attempted, ...(failed === undefined ? {} : { failed }) };
  await rows.items.settleAll(batchNo, { ...from, answered: true }, to);
}

/** Items of a submission that its provider never ran go back: to wait, to the next target of their chain, or out of the batch. */
import type { GatewayError } from '../core/errors.ts';
import { findRoute } from '../router/find-route.ts';
import type { Settled } from '../stores/batch/contract.ts';
import { settleSpared, spare } from './cascade/spared.ts';
import type { Lane } from './contract.ts';
import { errorOf } from './item-error.ts';
import { judge, type Verdict } from './judge.ts';
import { freeRoom } from './room-freed.ts';
import type { Held } from './steps.ts';
import { waysOf } from './ways.ts';
import type { BatchWorldInside } from './world.ts';

const mostSettled = 2_000;

/** The submission is over and nothing of it ran. `error` absent: its items simply wait again. */
export async function settleRefused(
  world: BatchWorldInside,
  held: Held,
  lane: Lane,
  error: GatewayError | undefined,
): Promise<undefined> {
  return settleBack(world, held, lane, verdictFor(world, held, lane, error), error);
}

/** The config has no room for it here: the next target of the chain may have. Nobody has failed. */
export function settleNoRoom(
  world: BatchWorldInside,
  held: Held,
  lane: Lane,
  next: number,
): Promise<undefined> {
  const verdict = { state: 'waiting' as const, step: next, dueAtMs: world.clock.now() };
  return settleBack(world, held, lane, verdict, undefined);
}

async function settleBack(
  world: BatchWorldInside,
  held: Held,
  lane: Lane,
  verdict: Verdict,
  error: GatewayError | undefined,
): Promise<undefined> {
  const { submission } = held;
  const failed =
    error === undefined
      ? undefined
      : {
          target: submission.target,
          submission: submission.id,
          atMs: world.clock.now(),
          error: errorOf(error),
        };
  await world.at('go back: before the items');
  await settleSpared(
    world,
    lane,
    { submission: submission.id },
    { ...verdict, attempted: false, ...(failed === undefined ? {} : { failed }) },
  );
  // Before the submission is done with: after a crash nothing would look at it again.
  await world.rows.batches.wake(submission.batchNo, world.clock.now());
  await world.at('go back: after the items');
  await freeRoom(world, submission.id, 0);
  await held.move('refused', {
    endedAtMs: world.clock.now(),
    ...(error === undefined ? {} : { error: errorOf(error) }),
  });
  if (error !== undefined)
    world.log.warn(
      { submission: submission.id, target: submission.target, code: error.code, items: submission.items },
      'a submission was refused; its items go on',
    );
  return undefined;
}

function verdictFor(
  world: BatchWorldInside,
  { submission }: Held,
  lane: Lane,
  error: GatewayError | undefined,
): Verdict {
  const nowMs = world.clock.now();
  if (error === undefined) return { state: 'waiting', dueAtMs: nowMs };
  const ways = waysOf(world, lane, submission.step);
  // A provider that is down, or has no room, and nobody else in the chain.
  const waitMs = Math.max(ways.retryMs[0] ?? 60_000, error.retryAfterMs ?? 0);
  const stays = { state: 'waiting' as const, dueAtMs: nowMs + waitMs };
  if (error.code === 'over_budget') {
    const { onOverBudget } = findRoute(world.policy(), lane.model);
    if (onOverBudget === 'next' && ways.next !== undefined)
      return { state: 'waiting', step: ways.next, dueAtMs: nowMs };
    return { state: 'dead', error: errorOf(error) };
  }
  if (ways.next !== undefined) return { state: 'waiting', step: ways.next, dueAtMs: nowMs };
  // A fault of the provider's passes; what it will never take, the sync targets may.
  if (error.retry !== 'never') return stays;
  return ways.direct ? { state: 'alone', dueAtMs: nowMs } : { state: 'dead', error: errorOf(error) };
}

/** Items that the target cannot carry leave the submission before it is sent. */
export async function settleCannotCarry(
  world: BatchWorldInside,
  { submission }: Held,
  lane: Lane,
  failed: readonly { readonly seq: number; readonly error: GatewayError }[],
): Promise<void> {
  if (failed.length === 0) return;
  const ways = waysOf(world, lane, submission.step);
  const { items } = world.rows;
  const lanes = await items.lanes(submission.batchNo);
  const stored = await items.get(
    submission.batchNo,
    failed.map(({ seq }) => seq),
  );
  const bySeq = new Map(stored.map((item) => [item.seq, item]));
  const settled = failed.map(({ seq, error }): Settled => {
    const told = errorOf(error);
    const failure = { kind: 'error' as const, error: told, retry: error.retry };
    return {
      seq,
      ...spare(judge({ strikes: 0, formStrikes: 0 }, failure, ways), bySeq.get(seq), lane, lanes, ways.nowMs),
      attempted: false,
      failed: { target: submission.target, submission: submission.id, atMs: ways.nowMs, error: told },
    };
  });
  for (let from = 0; from < settled.length; from += mostSettled)
    await items.settle(
      submission.batchNo,
      { submission: submission.id },
      settled.slice(from, from + mostSettled),
    );
  await world.rows.batches.wake(submission.batchNo, world.clock.now());
}

/**
 * One look at a batch: what its state asks for now. Everything that follows is in the rows, so a look that comes too often, or twice, changes
 * nothing.
 */
import { askAlone } from './alone.ts';
import { assemble } from './assemble.ts';
import { settleKept } from './cascade/spared.ts';
import type { Batch, ItemState } from './contract.ts';
import { marginMs, mostWaitMs, stopMs } from './deadline.ts';
import { defaultError } from './final-error.ts';
import { finish } from './finish.ts';
import { settleLost } from './lost.ts';
import { plan } from './plan.ts';
import type { BatchWorldInside } from './world.ts';

/** A batch is looked at again at least so often, should a wake-up be lost. */
const longestSleepMs = 60_000;
/** Others are let through before the next look, however much is left to do. */
const soonMs = 20;

/** When it is to be looked at again; `undefined`: it has ended. */
export async function run(
  world: BatchWorldInside,
  batch: Batch,
  signal: AbortSignal,
): Promise<number | undefined> {
  const nowMs = world.clock.now();
  switch (batch.state) {
    case 'assembling':
      return (await assemble(world, batch, signal)) === 'failed' && !signal.aborted ? undefined : nowMs;
    case 'running':
      return runOpen(world, batch, signal);
    case 'cancelling':
      return runOut(world, batch, 'cancelled');
    case 'finishing':
      return (await finish(world, batch, signal)) ? undefined : nowMs;
    default:
      return undefined;
  }
}

async function runOpen(
  world: BatchWorldInside,
  batch: Batch,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { items } = world.rows;
  const nowMs = world.clock.now();
  if (nowMs >= batch.deadlineAtMs) return runOut(world, batch, 'expired');
  const counts = await items.counts(batch.no);
  const turnsAtMs = batch.deadlineAtMs - marginMs(batch, counts.open, world.settings().aloneAtOnce);
  // What waits for a batch API would come too late; what runs there is stopped as it is polled.
  if (nowMs >= turnsAtMs) {
    await world.at('turn: before the items');
    await items.settleAll(
      batch.no,
      { states: ['waiting'] },
      { state: 'alone', attempted: false, dueAtMs: nowMs },
    );
    await world.at('turn: after the items');
    await wakeSubmissions(world, batch);
  }
  const lanes = await items.lanes(batch.no);
  await settleLost(world, batch, lanes);
  await plan(world, batch, lanes);
  const aloneDueMs = await askAlone(world, batch, lanes, signal);
  return (await endIfDone(world, batch)) ?? (await nextLook(world, batch, turnsAtMs, aloneDueMs));
}

/** No item is begun any more: those that wait end at once, those that a provider has are awaited. */
async function runOut(
  world: BatchWorldInside,
  batch: Batch,
  state: Extract<ItemState, 'cancelled' | 'expired'>,
): Promise<number | undefined> {
  await world.at('run out: before the items');
  await settleKept(world, batch.no, { states: ['waiting', 'alone'] });
  await world.rows.items.settleAll(
    batch.no,
    { states: ['waiting', 'alone'] },
    { state, attempted: false, error: defaultError(state) },
  );
  // A provider that does not stop holds nobody up: what it still answers counts for the books alone.
  if (state === 'expired' && world.clock.now() >= batch.deadlineAtMs + stopMs(batch)) {
    await settleKept(world, batch.no, { states: ['submitted'] });
    await world.rows.items.settleAll(
      batch.no,
      { states: ['submitted'] },
      { state, attempted: false, error: defaultError(state) },
    );
  }
  await world.at('run out: after the items');
  await wakeSubmissions(world, batch);
  return (await endIfDone(world, batch)) ?? world.clock.now() + Math.min(longestSleepMs, mostWaitMs(batch));
}

/** They are looked after now, and so stopped, or given up; of those that may be lost, time may have decided. */
async function wakeSubmissions(world: BatchWorldInside, batch: Batch): Promise<void> {
  const nowMs = world.clock.now();
  for (const { id, state } of await world.rows.submissions.ofBatch(batch.no))
    if (state === 'open' || state === 'planned' || state === 'sending')
      await world.rows.submissions.wake(id, nowMs);
}

async function endIfDone(world: BatchWorldInside, batch: Batch): Promise<number | undefined> {
  // Twins wait for items that have ended by now, so they are not what is open.
  const { open, twins } = await world.rows.items.counts(batch.no);
  if (open > twins) return undefined;
  const nowMs = world.clock.now();
  await world.at('end: before the row');
  await world.rows.batches.move(batch.no, ['running', 'cancelling'], 'finishing', { finishingAtMs: nowMs });
  await world.at('end: after the row');
  return nowMs;
}

async function nextLook(
  world: BatchWorldInside,
  batch: Batch,
  turnsAtMs: number,
  aloneDueMs: number | undefined,
): Promise<number> {
  const nowMs = world.clock.now();
  const due = await world.rows.items.nextDueMs(batch.no);
  const moments = [turnsAtMs, batch.deadlineAtMs].filter((moment) => moment > nowMs);
  // What is due already is more than one look plans, or asks.
  for (const moment of [due, aloneDueMs])
    if (moment !== undefined) moments.push(Math.max(moment, nowMs + soonMs));
  return Math.min(nowMs + longestSleepMs, ...moments);
}

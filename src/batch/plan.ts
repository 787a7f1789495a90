/**
 * Makes submissions of the items that wait and are due: one target each, within the limits of its provider and of the config. A remainder that is
 * too small for a provider goes on to the next target of its chain; what has no batch target left is asked by itself.
 */
import type { Target } from '../router/contract.ts';
import type { Batch, Lane } from './contract.ts';
import { batchEndpointOf, isBatch } from './lanes.ts';
import type { BatchWorldInside } from './world.ts';

/** Bodies grow when they are translated: what fits by the line must fit by what is sent. */
const byteShare = 0.9;
/** Submissions that one look at a batch makes; the rest comes at the next. */
const mostAtOnce = 100;

interface Group {
  readonly lane: number;
  readonly step: number;
  readonly items: number;
}

/** Returns how many submissions were made. */
export async function plan(world: BatchWorldInside, batch: Batch, lanes: readonly Lane[]): Promise<number> {
  let made = 0;
  // Ends: each round either makes submissions or moves items one step further along a chain that ends.
  for (let round = 0; round < mostAtOnce; round++) {
    const groups = await world.rows.items.due(batch.no, world.clock.now());
    if (groups.length === 0 || made >= mostAtOnce) return made;
    for (const group of groups) {
      const lane = lanes.find((one) => one.lane === group.lane);
      if (lane !== undefined) made += await planGroup(world, batch, lane, group);
    }
  }
  return made;
}

async function planGroup(world: BatchWorldInside, batch: Batch, lane: Lane, group: Group): Promise<number> {
  const target = world.policy().target(lane.chain[group.step] ?? '');
  const endpoint = target === undefined ? undefined : batchEndpointOf(target, lane.operation);
  if (target === undefined || endpoint === undefined || !isBatch(target, lane.operation)) {
    await leave(world, batch, lane, group, target === undefined && group.step < lane.chain.length);
    return 0;
  }
  const { limits } = endpoint;
  const mostItems = Math.min(
    limits.mostItems,
    world.settings().mostItems,
    target.batchRoom?.mostItems ?? limits.mostItems,
  );
  if (group.items < limits.leastItems) {
    await leave(world, batch, lane, group, true);
    return 0;
  }
  let left = group.items;
  let made = 0;
  while (left > 0) {
    // The last two share what is left, so that no remainder is too small.
    const items =
      left > mostItems && left - mostItems < limits.leastItems ? left - limits.leastItems : mostItems;
    const assigned = await assign(world, batch, lane, group.step, target, {
      items: Math.min(items, mostItems),
      bytes: Math.floor(limits.mostBytes * byteShare),
      inputTokens: target.batchRoom?.tokens?.limit ?? Number.MAX_SAFE_INTEGER,
      envelopeBytes: limits.envelopeBytes,
    });
    if (assigned === 0) break;
    made += 1;
    left -= assigned;
    if (left > 0 && left < limits.leastItems) break;
  }
  return made;
}

async function assign(
  world: BatchWorldInside,
  batch: Batch,
  lane: Lane,
  step: number,
  target: Target,
  most: {
    readonly items: number;
    readonly bytes: number;
    readonly inputTokens: number;
    readonly envelopeBytes: number;
  },
): Promise<number> {
  const nowMs = world.clock.now();
  const submission = {
    id: `s${world.makeId('').slice(-11)}`,
    batchNo: batch.no,
    lane: lane.lane,
    step,
    target: target.name,
    operation: lane.operation,
    state: 'planned' as const,
    estimateNanoUsd: 0,
    tries: 0,
    dueAtMs: nowMs,
    costNanoUsd: 0,
    createdAtMs: nowMs,
  };
  await world.at('plan: before a submission');
  const assigned = await world.rows.items.assign(submission, most, nowMs);
  await world.at('plan: after a submission');
  return assigned?.items ?? 0;
}

/** The group's items go one step on, or are asked by themselves. */
async function leave(
  world: BatchWorldInside,
  batch: Batch,
  lane: Lane,
  group: Group,
  further: boolean,
): Promise<void> {
  const next = further ? nextStep(world, lane, group.step) : undefined;
  const to =
    next !== undefined
      ? { state: 'waiting' as const, step: next, attempted: false }
      : { state: 'alone' as const, attempted: false };
  await world.at('leave: before the items');
  await world.rows.items.settleAll(batch.no, { lane: group.lane, step: group.step, states: ['waiting'] }, to);
  await world.at('leave: after the items');
}

/** The next batch target of a lane after a step; `undefined`: there is none. */
export function nextStep(world: BatchWorldInside, lane: Lane, step: number): number | undefined {
  const policy = world.policy();
  const next = lane.chain.findIndex((name, index) => {
    const target = index > step ? policy.target(name) : undefined;
    return target !== undefined && isBatch(target, lane.operation);
  });
  return next < 0 ? undefined : next;
}

/**
 * Makes submissions of the items that wait and are due: one target each, within the limits of its provider and of the config. A remainder that is
 * too small for a provider goes on to the next target of its chain; what has no batch target left is asked by itself.
 */
import type { MostLoad } from '../core/load.ts';
import type { BatchLimits } from '../providers/contract.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Batch, Lane } from './contract.ts';
import { batchEndpointOf, isBatch } from './lanes.ts';
import type { BatchSettings } from './settings.ts';
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
  const most = mostLoad(target, limits, world.settings());
  if (group.items < limits.leastItems) {
    await leave(world, batch, lane, group, true);
    return 0;
  }
  let left = group.items;
  let made = 0;
  while (left > 0) {
    // The last two share what is left, so that no remainder is too small.
    const items =
      left > most.items && left - most.items < limits.leastItems ? left - limits.leastItems : most.items;
    const assigned = await assign(world, batch, lane, group.step, target, {
      ...most,
      items: Math.min(items, most.items),
    });
    if (assigned === 0) break;
    made += 1;
    left -= assigned;
    if (left > 0 && left < limits.leastItems) break;
  }
  return made;
}

/** What one submission may hold: by its provider, by the config of its account, by that of batches. */
function mostLoad(
  { batchRoom }: Target,
  limits: BatchLimits,
  settings: Pick<BatchSettings, 'mostItems'>,
): MostLoad {
  return {
    items: Math.min(limits.mostItems, settings.mostItems, batchRoom?.mostItems ?? limits.mostItems),
    bytes: Math.floor(limits.mostBytes * byteShare),
    inputTokens: batchRoom?.tokens?.limit ?? Number.MAX_SAFE_INTEGER,
    envelopeBytes: limits.envelopeBytes,
  };
}

/** The same of a target, if it is one of a batch API. */
export function mostOf(
  target: Target,
  operation: Lane['operation'],
  settings: Pick<BatchSettings, 'mostItems'>,
): MostLoad | undefined {
  const endpoint = isBatch(target, operation) ? batchEndpointOf(target, operation) : undefined;
  return endpoint === undefined ? undefined : mostLoad(target, endpoint.limits, settings);
}

export function leastOf(target: Target, operation: Lane['operation']): number {
  return batchEndpointOf(target, operation)?.limits.leastItems ?? 0;
}

async function assign(
  world: BatchWorldInside,
  batch: Batch,
  lane: Lane,
  step: number,
  target: Target,
  most: MostLoad,
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
export function nextStep(
  world: Pick<BatchWorldInside, 'policy'>,
  lane: Lane,
  step: number,
): number | undefined {
  const policy = world.policy();
  const next = lane.chain.findIndex((name, index) => {
    const target = index > step ? policy.target(name) : undefined;
    return target !== undefined && isBatch(target, lane.operation);
  });
  return next < 0 ? undefined : next;
}

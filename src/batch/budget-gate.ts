/** Whether what a batch is expected to cost fits the hard budgets that it falls under, before anything of it is sent. */
import { GatewayError } from '../core/errors.ts';
import { dueOf } from '../router/budgets.ts';
import type { Batch, Lane } from './contract.ts';
import { findRoute } from './lanes.ts';
import type { BatchWorldInside } from './world.ts';

/** The refusal, naming the budget; `undefined`: it fits as far as anybody can know now. Each submission asks again for its part. */
export async function checkBudgets(
  world: BatchWorldInside,
  batch: Batch,
  estimateNanoUsd: number,
): Promise<GatewayError | undefined> {
  const { items } = world.rows;
  const [lanes, groups] = await Promise.all([
    items.lanes(batch.no),
    items.due(batch.no, Number.MAX_SAFE_INTEGER),
  ]);
  const tokens = groups.reduce((sum, group) => sum + group.inputTokens, 0);
  const wanted = new Map<string, { readonly capNanoUsd: number; readonly name: string; nanoUsd: number }>();
  for (const group of groups) {
    const lane = lanes.find((one) => one.lane === group.lane);
    if (lane === undefined) continue;
    const share = tokens === 0 ? 1 / groups.length : group.inputTokens / tokens;
    for (const { rule, key } of duesOf(world, batch, lane, group.step)) {
      if (!rule.hard) continue;
      const known = wanted.get(key) ?? { capNanoUsd: rule.capNanoUsd, name: rule.name, nanoUsd: 0 };
      known.nanoUsd += estimateNanoUsd * share;
      wanted.set(key, known);
    }
  }
  for (const [key, { capNanoUsd, name, nanoUsd }] of wanted) {
    const { usedNanoUsd, heldNanoUsd } = world.limits.budget(key);
    const left = capNanoUsd - usedNanoUsd - heldNanoUsd;
    if (nanoUsd <= left) continue;
    return new GatewayError(
      'over_budget',
      `The batch is expected to cost ${dollars(nanoUsd)}, and ${dollars(Math.max(0, left))} is left of budget ${name}. Nothing was sent.`,
    );
  }
  return undefined;
}

export function duesOf(world: BatchWorldInside, batch: Batch, lane: Lane, step: number) {
  const policy = world.policy();
  const target = policy.target(lane.chain[step] ?? '');
  if (target === undefined) return [];
  const caller = world.payer(batch.owner)?.caller;
  return dueOf(
    { tags: batch.tags, batch: batch.id, ...(caller === undefined ? {} : { caller }) },
    findRoute(policy, lane.model),
    target,
    policy,
    world.clock.now(),
  );
}

function dollars(nanoUsd: number): string {
  return `$${(nanoUsd / 1e9).toFixed(nanoUsd < 1e7 ? 6 : 2)}`;
}

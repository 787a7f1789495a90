/** Whether what a batch is expected to cost fits the hard budgets that it falls under, before anything of it is sent. */
import { GatewayError } from '../core/errors.ts';
import { dueOf } from '../router/budgets.ts';
import { findRoute } from '../router/find-route.ts';
import type { Batch, Lane } from './contract.ts';
import type { BatchWorldInside } from './world.ts';

const pageItems = 2_000;

/** The refusal, naming the budget; `undefined`: it fits as far as anybody can know now. Each submission asks again for its part. */
export async function checkBudgets(
  world: BatchWorldInside,
  batch: Batch,
  estimateNanoUsd: number,
): Promise<GatewayError | undefined> {
  const { items } = world.rows;
  const lanes = await items.lanes(batch.no);
  const groups = [
    ...(await items.due(batch.no, Number.MAX_SAFE_INTEGER)),
    ...(await aloneGroups(world, batch)),
  ];
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

/** What no batch API takes is spent by single calls, of the first target of its chain. */
async function aloneGroups(
  world: BatchWorldInside,
  batch: Batch,
): Promise<readonly { readonly lane: number; readonly step: number; readonly inputTokens: number }[]> {
  const tokens = new Map<number, number>();
  for (let after = 0; ; ) {
    const page = await world.rows.items.page(batch.no, after, pageItems, { states: ['alone'] });
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.seq;
    for (const { lane, inputTokens } of page) tokens.set(lane, (tokens.get(lane) ?? 0) + inputTokens);
  }
  return [...tokens].map(([lane, inputTokens]) => ({ lane, step: 0, inputTokens }));
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

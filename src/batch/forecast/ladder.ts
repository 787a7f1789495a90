/**
 * What each way of saving takes off: all lines asked sync of one dear model, the same by its batch API, each by the model that its route asks, without what
 * a rule answers, without twins, with caches. The same tokens are taken on every rung, so that what differs is the price alone.
 */
import { GatewayError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Price } from '../../core/price.ts';
import type { Policy } from '../../router/contract.ts';
import { withMode } from '../mode.ts';
import type { LaneTallies } from './lane-tallies.ts';
import type { Rung } from './report.ts';
import type { Tally } from './tally.ts';
import { waveCost } from './waves.ts';

/** `''` where no price of any is known. */
export function chooseBaseline(lanes: readonly LaneTallies[], policy: Policy, wanted?: string): string {
  if (wanted !== undefined) return named(policy, wanted);
  const names = new Set(
    lanes.flatMap(({ lane, waves }) =>
      [lane, ...waves.map((wave) => wave.lane)].flatMap(({ chain }) =>
        chain.map((name) => withMode(name, 'sync')),
      ),
    ),
  );
  let dearest = { name: '', nanoUsd: 0 };
  for (const name of names) {
    const nanoUsd = costOfAll(lanes, () => listPriceOf(policy, name), everything, false);
    if (nanoUsd > dearest.nanoUsd) dearest = { name, nanoUsd };
  }
  return dearest.name;
}

function named(policy: Policy, wanted: string): string {
  const name = withMode(wanted, 'sync');
  if (listPriceOf(policy, name) !== undefined) return name;
  const guess = nearest(
    wanted,
    policy.targets.map((target) => target.name),
  );
  throw new GatewayError(
    'model_not_found',
    `No price is known of "${wanted}".${guess === undefined ? '' : ` Did you mean "${guess}"?`} Name it as provider/model, and its price under "prices:" where it is not built in.`,
  );
}

function listPriceOf(policy: Policy, name: string): Price | undefined {
  return (policy.target(name) ?? policy.target(withMode(name, 'batch')))?.listPrice;
}

/** Without a cascade the strong model would answer all. */
function beforeCascade({ target, waves }: LaneTallies): Price | undefined {
  return (waves.find(({ lane }) => lane.role === 'strong')?.target ?? target)?.price;
}

const everything = ({ sent, twins, ruled }: LaneTallies): readonly Tally[] => [sent, twins, ruled];

export function ladderOf(lanes: readonly LaneTallies[], policy: Policy, baseline: string): readonly Rung[] {
  const list = listPriceOf(policy, baseline);
  const waiting = policy.target(withMode(baseline, 'batch'));
  const batch = waiting?.batches === undefined ? list : (waiting.price ?? list);
  const rung = (step: Rung['step'], cost: number): Rung => ({ step, nanoUsd: Math.round(cost) });
  const open = ({ sent, twins }: LaneTallies): readonly Tally[] => [sent, twins];
  const sent = (lane: LaneTallies): readonly Tally[] => [lane.sent];
  return [
    rung(
      'sync',
      costOfAll(lanes, () => list, everything, false),
    ),
    rung(
      'batch',
      costOfAll(lanes, () => batch, everything, false),
    ),
    rung('routing', costOfAll(lanes, beforeCascade, everything, false)),
    ...(lanes.some(({ waves }) => waves.length > 0)
      ? [rung('cascade', ownCost(lanes, everything, false))]
      : []),
    rung('rules', ownCost(lanes, open, false)),
    rung('twins', ownCost(lanes, sent, false)),
    rung('cache', ownCost(lanes, sent, true)),
  ];
}

/** As it is sent: each lane by its own model, and what its later waves add. */
function ownCost(
  lanes: readonly LaneTallies[],
  which: (lane: LaneTallies) => readonly Tally[],
  cached: boolean,
): number {
  let nanoUsd = costOfAll(lanes, ({ target }) => target?.price, which, cached);
  for (const lane of lanes)
    for (const wave of lane.waves) for (const tally of which(lane)) nanoUsd += waveCost(wave, tally, cached);
  return nanoUsd;
}

function costOfAll(
  lanes: readonly LaneTallies[],
  price: (lane: LaneTallies) => Price | undefined,
  which: (lane: LaneTallies) => readonly Tally[],
  cached: boolean,
): number {
  let nanoUsd = 0;
  for (const lane of lanes)
    for (const tally of which(lane)) nanoUsd += tally.costNanoUsd(price(lane), cached);
  return nanoUsd;
}

/** What each target of a forecast gets, of all waves together. */
import type { Target } from '../../router/chain/contract.ts';
import type { LaneTallies } from './lane-tallies.ts';
import type { TargetForecast } from './report.ts';
import { waveCost, waveOutput } from './waves.ts';

interface Load {
  readonly name: string;
  readonly target: Target | undefined;
  readonly items: number;
  readonly submissions: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly nanoUsd: number;
}

type Sent = LaneTallies & { readonly submissions: number };

/** Of one lane and those that follow it. */
export function loadsOf({ lane, target, sent, submissions, waves }: Sent): readonly Load[] {
  const { items, inputTokens, cacheReadTokens, outputTokens } = sent.sums;
  const first: Load = {
    name: target?.name ?? lane.chain[0] ?? lane.model,
    target,
    items,
    submissions,
    inputTokens,
    cacheReadTokens,
    outputTokens,
    nanoUsd: sent.costNanoUsd(target?.price, true),
  };
  const later = waves.map((wave): Load => {
    const { share } = wave;
    return {
      name: wave.target?.name ?? wave.lane.chain[0] ?? wave.lane.model,
      target: wave.target,
      items: Math.ceil(items * share),
      submissions: wave.submissions,
      inputTokens: inputTokens * share,
      cacheReadTokens: cacheReadTokens * share,
      outputTokens: share * Math.min(outputTokens, items * waveOutput(wave)),
      nanoUsd: waveCost(wave, sent, true),
    };
  });
  return [first, ...later.filter((load) => load.items > 0)];
}

export function targetForecast(name: string, loads: readonly Load[]): TargetForecast {
  const target = loads[0]?.target;
  const sum = (of: (load: Load) => number): number => loads.reduce((total, load) => total + of(load), 0);
  const submissions = sum((load) => load.submissions);
  const inputTokens = sum((load) => load.inputTokens);
  const room = target?.batchRoom;
  const rounds = Math.max(
    1,
    Math.ceil(submissions / (room?.jobs?.limit ?? Number.POSITIVE_INFINITY)),
    Math.ceil(inputTokens / (room?.tokens?.limit ?? Number.POSITIVE_INFINITY)),
  );
  return {
    target: name,
    items: sum((load) => load.items),
    submissions,
    rounds: submissions === 0 ? 1 : rounds,
    inputTokens: Math.round(inputTokens),
    cacheReadTokens: Math.round(sum((load) => load.cacheReadTokens)),
    outputTokens: Math.round(sum((load) => load.outputTokens)),
    costNanoUsd: Math.round(sum((load) => load.nanoUsd)),
    isPriced: target?.price !== undefined,
  };
}

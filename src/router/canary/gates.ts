/**
 * Whether a canary does worse than the usual chain. A gate fails only where what was seen could hardly have come about with a canary
 * that keeps to its limit: each is a one-sided test at a level so strict that a canary which is watched for weeks, and judged every few
 * seconds of them, is hardly ever rolled back by chance. A real regression still fails it within a few dozen requests.
 */
import type { CanaryGates, GateName } from './contract.ts';
import { countOf, edgeOf, type Figures, stepAt, stepOf } from './figures.ts';

export interface GateReading {
  readonly gate: GateName;
  readonly verdict: 'holds' | 'fails' | 'too-few';
  /** A share, milliseconds, nano-dollars, a share. Absent: not known. */
  readonly canary?: number;
  readonly usual?: number;
  /** As configured. */
  readonly limit: number;
}

/**
 * Standard deviations beyond which it is not chance: one in 20,000 looks at independent figures. A canary is looked at thousands of times;
 * one that is rolled back for nothing is never trusted again, and one that is found out some dozen requests later has cost little.
 */
const sure = 3.9;
/** How far off the usual 95th percentile is taken to be by chance. Both sides at `sure` would let twice the limit pass. */
const likely = 1.96;
/** Requests of the usual chain below which it is no measure: of its 95th percentile three are slower. */
const leastUsual = 60;
/** Nobody notices less, and on a quick chain it would be many times the usual. */
const leastSlowerMs = 20;
/** Of the canary, whatever `least` of the config says. */
const least = 20;

/** `old`: the figures of the usual chain are from another time than those of the canary. */
export function judge(
  gates: CanaryGates,
  canary: Figures,
  usual: Figures,
  old = false,
): readonly GateReading[] {
  const readings: GateReading[] = [];
  const enough = canary.requests >= gates.least;
  const add = (reading: GateReading): void => {
    readings.push(enough || reading.verdict === 'holds' ? reading : { ...reading, verdict: 'too-few' });
  };
  if (gates.errorRate !== undefined) add(judgeErrors(gates.errorRate, canary, usual));
  if (gates.p95 !== undefined) add(judgeDuration(gates.p95, canary, usual, old));
  if (gates.cost !== undefined) add(judgeCost(gates.cost, canary, usual));
  if (gates.agreement !== undefined) add(judgeAgreement(gates.agreement, canary));
  return readings;
}

/** By Newcombe's interval for the difference of two shares, which also holds where few or none have failed. */
function judgeErrors(limit: number, canary: Figures, usual: Figures): GateReading {
  const told = {
    gate: 'error_rate' as const,
    limit,
    ...(canary.requests === 0 ? {} : { canary: canary.failed / canary.requests }),
    ...(usual.requests === 0 ? {} : { usual: usual.failed / usual.requests }),
  };
  if (told.canary === undefined || told.usual === undefined || usual.requests < leastUsual)
    return { ...told, verdict: 'too-few' };
  const { low } = wilson(canary.failed, canary.requests);
  const { high } = wilson(usual.failed, usual.requests);
  const surely = told.canary - told.usual - Math.hypot(told.canary - low, high - told.usual);
  return { ...told, verdict: surely > limit ? 'fails' : 'holds' };
}

/**
 * If the canary kept to its limit, at most one in twenty of its requests would take longer than it allows: are there surely more? Everything is slower
 * at some times than at others, so against figures of another time the limit holds twice over.
 */
function judgeDuration(limit: number, canary: Figures, usual: Figures, old: boolean): GateReading {
  const [timed, usually] = [countOf(canary.durations), countOf(usual.durations)];
  const [slow, usualSlow] = [percentile95(canary.durations, timed), percentile95(usual.durations, usually)];
  const told = {
    gate: 'p95' as const,
    limit,
    ...(slow === undefined ? {} : { canary: slow }),
    ...(usualSlow === undefined ? {} : { usual: usualSlow }),
  };
  if (timed === 0 || usually < leastUsual) return { ...told, verdict: 'too-few' };
  // The highest that the usual percentile may be, by the ranks around it.
  const rank = Math.min(usually, Math.ceil(usually * 0.95 + likely * Math.sqrt(usually * 0.95 * 0.05)));
  const highest = edgeOf(stepAt(usual.durations, rank) ?? 0);
  const allowed = stepOf(Math.max(highest * (old ? limit ** 2 : limit), highest + leastSlowerMs));
  const slower = countOf(canary.durations.filter(([step]) => step > allowed));
  return { ...told, verdict: wilson(slower, timed).low > 0.05 ? 'fails' : 'holds' };
}

export function percentile95(
  durations: Figures['durations'],
  count = countOf(durations),
): number | undefined {
  const step = stepAt(durations, Math.ceil(count * 0.95));
  return count === 0 || step === undefined ? undefined : edgeOf(step);
}

/** By Welch's test of means, of which the usual one is multiplied by the limit. */
function judgeCost(limit: number, canary: Figures, usual: Figures): GateReading {
  const [ours, theirs] = [meanOf(canary.costs), meanOf(usual.costs)];
  const told = {
    gate: 'cost' as const,
    limit,
    ...(ours === undefined ? {} : { canary: ours.mean }),
    ...(theirs === undefined ? {} : { usual: theirs.mean }),
  };
  if (
    ours === undefined ||
    theirs === undefined ||
    canary.costs.count < least ||
    usual.costs.count < leastUsual
  )
    return { ...told, verdict: 'too-few' };
  const error = Math.sqrt(ours.ofMean + limit ** 2 * theirs.ofMean);
  return { ...told, verdict: ours.mean - limit * theirs.mean > sure * error ? 'fails' : 'holds' };
}

/** The mean, and the variance that it has itself. */
function meanOf({ count, sum, squares }: Figures['costs']): { mean: number; ofMean: number } | undefined {
  if (count < 2) return undefined;
  const mean = sum / count;
  return { mean, ofMean: Math.max(0, (squares - count * mean ** 2) / (count - 1)) / count };
}

function judgeAgreement(limit: number, { compared, agreed }: Figures): GateReading {
  if (compared < least) return { gate: 'agreement', limit, verdict: 'too-few' };
  const verdict = wilson(agreed, compared).high < limit ? 'fails' : 'holds';
  return { gate: 'agreement', limit, canary: agreed / compared, verdict };
}

/** Wilson's interval for a share. */
function wilson(hits: number, of: number): { readonly low: number; readonly high: number } {
  const share = hits / of;
  const z = sure ** 2 / of;
  const middle = (share + z / 2) / (1 + z);
  const half = (sure / (1 + z)) * Math.sqrt((share * (1 - share)) / of + z / (4 * of));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** For logs, `/health` and a person: what failed, and by how much. */
export function whyOf({ gate, canary = 0, usual = 0, limit }: GateReading): string {
  switch (gate) {
    case 'error_rate':
      return `error rate ${percent(canary)}, usually ${percent(usual)}; at most ${percent(limit)} more is allowed`;
    case 'p95':
      return `95th percentile of the duration ${Math.round(canary)} ms, usually ${Math.round(usual)} ms; at most ${limit} times that is allowed`;
    case 'cost':
      return `cost of a request $${dollars(canary)}, usually $${dollars(usual)}; at most ${limit} times that is allowed`;
    case 'agreement':
      return `${percent(canary)} of compared answers agree; at least ${percent(limit)} must`;
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const dollars = (nanoUsd: number): string => (nanoUsd / 1e9).toPrecision(3);

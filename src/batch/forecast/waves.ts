/**
 * What the later waves of a cascade add to a forecast: all its items are sent to those who give opinions, and a share of them to the strong model. The
 * share is what the ledger says of the route, else an assumption, and says which.
 */
import type { Target } from '../../router/chain/contract.ts';
import type { Route } from '../../router/contract.ts';
import { assumedShare, judgementTokens } from '../cascade/usual.ts';
import type { Lane } from '../contract.ts';
import type { CascadeForecast, Escalation } from './report.ts';
import type { Tally } from './tally.ts';

/** One wave after the first, with the target that its items end up at. */
export interface LaterWave {
  readonly lane: Lane;
  readonly target: Target | undefined;
  readonly submissions: number;
  /** Of the items of the first wave. */
  readonly share: number;
}

/** Answers that the ledger has of a route, by provider and model. */
export type AnswersOf = (route: string, target: Target) => number;

/** Fewer say more of themselves than of the next ones. */
const enoughAnswers = 20;

/** From how often either model has answered: what the strong one answered beyond audits was escalated to it. */
export function escalationOf(
  route: Route,
  first: Target | undefined,
  others: readonly (Target | undefined)[],
  strong: Target | undefined,
  answersOf: AnswersOf,
): Escalation {
  const assumed: Escalation = { share: assumedShare, from: 'assumed', answers: 0 };
  if (first === undefined || strong === undefined || route.cascade === undefined) return assumed;
  // Where the same model gives the opinions too, it answers so many times each.
  const times = 1 + others.filter((other) => other !== undefined && isSame(other, first)).length;
  const answers = answersOf(route.name, first) / times;
  if (answers < enoughAnswers || isSame(first, strong)) return assumed;
  const { auditShare } = route.cascade;
  const ratio = answersOf(route.name, strong) / answers;
  const share = auditShare >= 1 ? ratio : (ratio - auditShare) / (1 - auditShare);
  return { share: Math.min(1, Math.max(0, share)), from: 'ledger', answers: Math.round(answers) };
}

function isSame(one: Target, other: Target): boolean {
  return one.provider === other.provider && one.model.id === other.model.id;
}

/** What a wave costs, for all that the first one has of a tally. */
export function waveCost(wave: LaterWave, tally: Tally, cached: boolean): number {
  return wave.share * tally.costNanoUsd(wave.target?.price, cached, waveOutput(wave));
}

/** Most tokens of one answer, beyond what the request itself allows. */
export function waveOutput({ lane }: LaterWave): number {
  return lane.role === 'judge' ? judgementTokens : Number.POSITIVE_INFINITY;
}

/** Of one lane's items: the cascade beside the strong model alone, at the prices of both. */
export function cascadeForecast(
  route: string,
  escalation: Escalation,
  first: Target | undefined,
  waves: readonly LaterWave[],
  sent: Tally,
): CascadeForecast {
  const strong = waves.find(({ lane }) => lane.role === 'strong');
  const cheapNanoUsd = sent.costNanoUsd(first?.price, true);
  const opinionsNanoUsd = waves.reduce(
    (sum, wave) => (wave === strong ? sum : sum + waveCost(wave, sent, true)),
    0,
  );
  const strongNanoUsd = sent.costNanoUsd(strong?.target?.price, true);
  const nanoUsd = cheapNanoUsd + opinionsNanoUsd + escalation.share * strongNanoUsd;
  return {
    route,
    first: first?.name ?? '',
    strong: strong?.target?.name ?? '',
    ...escalation,
    nanoUsd,
    strongNanoUsd,
    pays: nanoUsd < strongNanoUsd,
    breakEven: strongNanoUsd === 0 ? 0 : Math.max(0, 1 - (cheapNanoUsd + opinionsNanoUsd) / strongNanoUsd),
  };
}

/** What a route does beside walking its chain, a line for each feature, as `check`, `explain` and the admin endpoints say it. */
import type { Canary } from './canary/contract.ts';
import type { AcceptRule, Cascade, ConfidenceSource } from './cascade/contract.ts';
import type { Step } from './chain/contract.ts';
import type { ResponseCachePolicy, Route } from './contract.ts';

export const featureNames = ['order', 'cascade', 'canary', 'cache', 'scorer', 'waiting'] as const;
export type FeatureName = (typeof featureNames)[number];

export interface Feature {
  readonly name: FeatureName;
  readonly text: string;
}

/** Those that the route has. Waiting is what every route has, so it is told only where it is not as usual, or asked for. */
export function featuresOf(
  route: Route,
  usual: Route['waiting'] | undefined = undefined,
): readonly Feature[] {
  const features: Feature[] = [];
  if (route.order !== 'listed') features.push({ name: 'order', text: orderText(route) });
  if (route.cascade !== undefined) features.push({ name: 'cascade', text: cascadeText(route.cascade) });
  if (route.canary !== undefined) features.push({ name: 'canary', text: canaryText(route.canary) });
  if (route.cache !== undefined) features.push({ name: 'cache', text: cacheText(route.cache) });
  const asksComplexity = route.rules.some(({ when }) => when.complexity !== undefined);
  if (asksComplexity || route.complexity.scorer === 'trained')
    features.push({ name: 'scorer', text: scorerText(route) });
  if (usual === undefined || !same(route.waiting, usual))
    features.push({ name: 'waiting', text: waitingText(route.waiting) });
  return features;
}

function orderText({ order, sticky }: Route): string {
  const kept = sticky ? '; a conversation stays where its prompt cache is warm, if that is cheaper' : '';
  return `${order}${kept}`;
}

export function chainText(chain: readonly Step[]): string {
  return chain.map(stepText).join(' → ');
}

function stepText(step: Step): string {
  if (step.options.length === 1) return step.options[0]?.target.name ?? '';
  return `{${step.options.map(({ target, weight }) => `${weight}: ${target.name}`).join(', ')}}`;
}

export function cascadeText({ confidence, accept, schema, escalate, auditShare }: Cascade): string {
  const form = schema ? ' and of the wanted form' : '';
  const audits = auditShare === 0 ? '' : `; ${percent(auditShare)} of accepted answers are audited`;
  return `accepted ${acceptText(accept)}${form}, by ${confidenceText(confidence)}, else ${chainText(escalate)}${audits}`;
}

function acceptText(accept: AcceptRule): string {
  switch (accept.kind) {
    case 'fixed':
      return `from a confidence of ${accept.confidence} on`;
    case 'auto':
      return `from where regret is at most ${percent(accept.regret)} (risk ${percent(accept.risk)}; ${accept.first} until that is known)`;
    case 'spend-share':
      return `so that ${percent(accept.share)} go on`;
  }
}

function confidenceText(source: ConfidenceSource): string {
  switch (source.from) {
    case 'field':
      return `field ${source.field}`;
    case 'logprobs':
      return 'logprobs';
    case 'agreement':
      return `agreement with ${chainText(source.with)}`;
    case 'judge':
      return `the judge ${chainText(source.by)}`;
  }
}

export function canaryText({ chain, by, phases, gates }: Canary): string {
  const steps = phases.map(({ share, forMs }) => `${percent(share)} for ${timeText(forMs)}`).join(', ');
  const held = [
    ...(gates.errorRate === undefined ? [] : [`errors +${percent(gates.errorRate)}`]),
    ...(gates.p95 === undefined ? [] : [`p95 x${gates.p95}`]),
    ...(gates.cost === undefined ? [] : [`cost x${gates.cost}`]),
    ...(gates.agreement === undefined ? [] : [`agreement ${percent(gates.agreement)}`]),
  ];
  const gate = held.length === 0 ? '' : `; rolled back over ${held.join(', ')}`;
  return `${chainText(chain)}, by ${by}: ${steps}${gate}`;
}

export function cacheText({ forMs, scope }: ResponseCachePolicy): string {
  const whose = scope === 'all' ? 'for anybody' : `for the same ${scope}`;
  return `the very same request again within ${timeText(forMs)}, ${whose}`;
}

function scorerText({ complexity }: Route): string {
  const { scorer, mostChars } = complexity;
  return `${scorer}, over at most ${mostChars} characters`;
}

function waitingText({ syncUnderMs, queueUnderMs, flex, deadlineMs }: Route['waiting']): string {
  return `at once under ${timeText(syncUnderMs)}, queued under ${timeText(queueUnderMs)}, else in batches; ${timeText(deadlineMs)} where nothing is said${flex ? '; flex first' : ''}`;
}

function same(one: Route['waiting'], other: Route['waiting']): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

const percent = (share: number): string => `${Number((share * 100).toFixed(2))}%`;

/** From how many milliseconds on, in which unit. A day is written as 24h. */
const units: readonly (readonly [number, number, string])[] = [
  [2 * 86_400_000, 86_400_000, 'd'],
  [3_600_000, 3_600_000, 'h'],
  [60_000, 60_000, 'm'],
  [1_000, 1_000, 's'],
];

/** `45m`, `1.5h`, `250ms`. */
function timeText(ms: number): string {
  const [, unit, letter] = units.find(([from]) => ms >= from) ?? [0, 1, 'ms'];
  return `${Number((ms / unit).toFixed(1))}${letter}`;
}

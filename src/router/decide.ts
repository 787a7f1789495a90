/**
 * Which targets may serve a request, in which order, and why not the others. A pure function of the request, the
 * route and the world: no clock, no chance, no state of its own. What it returns is what `explain` prints.
 */
import type { Capability } from '../core/capability.ts';
import type { Facts } from '../core/facts.ts';
import type { Mode } from '../core/target.ts';
import type { ChatEndpoint, CountEndpoint, EmbeddingEndpoint } from '../providers/contract.ts';
import type { Arm } from './canary/contract.ts';
import type { Step, Target } from './chain/contract.ts';
import type { Complexity, Scorer } from './complexity/contract.ts';
import { holds } from './condition.ts';
import type { Considered, Route, Rule } from './contract.ts';
import type { HealthView } from './health.ts';
import { inOrder, type Measures } from './order.ts';

export interface World {
  /** The health of a target, by name. */
  view(target: string): HealthView;
  /** What orders by measurement go by. */
  readonly measures?: Measures;
  /** Who scores the requests of a route; absent: conditions on complexity do not hold. */
  readonly scorer?: (route: Route) => Scorer;
  /** On which side of its route's canary a request is; absent: the usual one. */
  arm?(request: Considered, route: Route): Arm;
}

export type Reason =
  | { readonly kind: 'no-endpoint' }
  | { readonly kind: 'other-protocol' }
  /** Its mode takes time, and the caller holds the line for its answer. */
  | { readonly kind: 'waits' }
  | { readonly kind: 'lacks'; readonly capability: Capability }
  | { readonly kind: 'too-long'; readonly tokens: number; readonly contextTokens: number }
  | { readonly kind: 'unhealthy'; readonly view: HealthView };

export interface PassedOver {
  readonly target: Target;
  readonly reason: Reason;
}

export interface Decision {
  readonly route: Route;
  /** The rule that gave the chain; absent: the route's own chain. */
  readonly rule?: Rule;
  /** Where a rule asked for it. */
  readonly complexity?: Complexity;
  /** Where the route has a canary. */
  readonly arm?: Arm;
  /** What the candidates were ordered by, each in its place; absent where they are as listed. */
  readonly ranks?: readonly (number | undefined)[];
  /** What the prompt caches of the candidates likely hold of the request, each in its place; absent where none holds any. */
  readonly warmTokens?: readonly number[];
  /** To be tried, in order. */
  readonly candidates: readonly Target[];
  /** Not to be tried now; those with reason `unhealthy` may be worth waiting for. */
  readonly passed: readonly PassedOver[];
}

export function decide(request: Considered, route: Route, world: World): Decision {
  let complexity: Complexity | undefined;
  const score = (): number | undefined => {
    complexity ??= scoreOf(request, route, world);
    return complexity?.score;
  };
  const rule =
    route.rules.length === 0 ? undefined : route.rules.find(({ when }) => holds(when, request, score));
  const usual = rule?.chain ?? route.chain;
  const arm = route.canary === undefined ? undefined : (world.arm?.(request, route) ?? 'usual');
  // The usual chain stands behind a canary, so that nobody but its gates notices when it fails.
  const chain = arm === 'canary' && route.canary !== undefined ? [...route.canary.chain, ...usual] : usual;
  const candidates: Target[] = [];
  const passed: PassedOver[] = [];
  for (const step of chain) {
    for (const target of draw(step, request.draw)) {
      const reason = unfit(target, request) ?? unhealthy(target, world);
      if (reason !== undefined) passed.push({ target, reason });
      else if (arm === undefined || !candidates.includes(target)) candidates.push(target);
    }
  }
  if (candidates.length === 0) rescueLargest(candidates, passed, world);
  const decision = {
    route,
    passed,
    ...(rule === undefined ? {} : { rule }),
    ...(complexity === undefined ? {} : { complexity }),
    ...(arm === undefined ? {} : { arm }),
  };
  // A canary would not be tried at all where it is dearer or slower, which is what it is to show.
  if (route.order === 'listed' || candidates.length < 2 || arm === 'canary')
    return { ...decision, candidates };
  const ordered = inOrder(candidates, request, route, world.measures ?? {});
  return {
    ...decision,
    candidates: ordered.map(({ target }) => target),
    ranks: ordered.map(({ rank }) => rank),
    ...(ordered.some(({ warmTokens }) => warmTokens > 0)
      ? { warmTokens: ordered.map(({ warmTokens }) => warmTokens) }
      : {}),
  };
}

function scoreOf(request: Considered, route: Route, world: World): Complexity | undefined {
  const prompt = request.prompt?.(route.complexity.mostChars);
  return prompt === undefined ? undefined : world.scorer?.(route).score(prompt);
}

/** The endpoint of a target that serves an operation. */
export function endpointFor(
  target: Target,
  operation: Facts['operation'],
): ChatEndpoint | EmbeddingEndpoint | CountEndpoint | undefined {
  switch (operation) {
    case 'chat':
      return target.chat;
    case 'embedding':
      return target.embeddings;
    case 'count-tokens':
      return target.countTokens;
  }
}

/** Options of a step: the one that the draw falls on first, the others behind it, heaviest first. */
function draw(step: Step, place: number): readonly Target[] {
  const only = step.options[0];
  if (only !== undefined && step.options.length === 1) return [only.target];
  const total = step.options.reduce((sum, option) => sum + option.weight, 0);
  let rest = place * total;
  const first = step.options.find((option) => {
    rest -= option.weight;
    return rest < 0;
  });
  const others = step.options.filter((option) => option !== first).sort((a, b) => b.weight - a.weight);
  return [...(first === undefined ? [] : [first]), ...others].map((option) => option.target);
}

function unfit(target: Target, request: Considered): Reason | undefined {
  const { facts } = request;
  if (!mayServe(target.mode, request)) return { kind: 'waits' };
  const endpoint = endpointFor(target, facts.operation);
  if (endpoint === undefined) return { kind: 'no-endpoint' };
  if (facts.nativeOnly && endpoint.protocol !== request.protocol) return { kind: 'other-protocol' };
  for (const capability of facts.needs) {
    if (!endpoint.carries.has(capability)) return { kind: 'lacks', capability };
  }
  const { contextTokens } = target.model;
  const tokens = facts.inputTokens + (facts.maxOutputTokens ?? 0);
  if (contextTokens !== undefined && tokens > contextTokens)
    return { kind: 'too-long', tokens, contextTokens };
  return undefined;
}

/** Whoever holds the line is served by what answers over it; an item of a batch by anything. */
function mayServe(mode: Mode, { batch, modes }: Considered): boolean {
  if (modes !== undefined) return modes.has(mode);
  return batch !== undefined || mode === 'sync' || mode === 'flex';
}

function unhealthy(target: Target, world: World): Reason | undefined {
  const view = world.view(target.name);
  return view.standing === 'ready' || view.standing === 'probe' ? undefined : { kind: 'unhealthy', view };
}

/**
 * Sizes are estimates. When only the estimate stands in the way, the largest window is tried, and the provider's own
 * refusal is the last word: refusing a request that would have fitted is the worse mistake.
 */
function rescueLargest(candidates: Target[], passed: PassedOver[], world: World): void {
  let largest: PassedOver | undefined;
  for (const entry of passed) {
    if (entry.reason.kind !== 'too-long' || unhealthy(entry.target, world) !== undefined) continue;
    const most = largest?.target.model.contextTokens ?? 0;
    if ((entry.target.model.contextTokens ?? 0) > most) largest = entry;
  }
  if (largest === undefined) return;
  const { target } = largest;
  // A chain may name it twice.
  for (let at = passed.length - 1; at >= 0; at--) if (passed[at]?.target === target) passed.splice(at, 1);
  candidates.push(target);
}

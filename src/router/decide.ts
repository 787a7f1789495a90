/**
 * Which targets may serve a request, in which order, and why not the others. A pure function of the request, the
 * route and the world: no clock, no chance, no state of its own. What it returns is what `explain` prints.
 */
import type { Capability } from '../core/capability.ts';
import type { Facts } from '../core/facts.ts';
import type { ChatEndpoint, CountEndpoint, EmbeddingEndpoint } from '../providers/contract.ts';
import { holds } from './condition.ts';
import type { Considered, Route, Rule, Step, Target } from './contract.ts';
import type { HealthView } from './health.ts';

export interface World {
  /** The health of a target, by name. */
  view(target: string): HealthView;
}

export type Reason =
  | { readonly kind: 'no-endpoint' }
  | { readonly kind: 'other-protocol' }
  /** A provider's batch API, and the caller wants its answer now. */
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
  /** To be tried, in order. */
  readonly candidates: readonly Target[];
  /** Not to be tried now; those with reason `unhealthy` may be worth waiting for. */
  readonly passed: readonly PassedOver[];
}

export function decide(request: Considered, route: Route, world: World): Decision {
  const rule = route.rules.length === 0 ? undefined : route.rules.find(({ when }) => holds(when, request));
  const candidates: Target[] = [];
  const passed: PassedOver[] = [];
  for (const step of rule?.chain ?? route.chain) {
    for (const target of order(step, request.draw)) {
      const reason = unfit(target, request) ?? unhealthy(target, world);
      if (reason === undefined) candidates.push(target);
      else passed.push({ target, reason });
    }
  }
  if (candidates.length === 0) rescueLargest(candidates, passed, world);
  return { route, candidates, passed, ...(rule === undefined ? {} : { rule }) };
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
function order(step: Step, draw: number): readonly Target[] {
  const only = step.options[0];
  if (only !== undefined && step.options.length === 1) return [only.target];
  const total = step.options.reduce((sum, option) => sum + option.weight, 0);
  let rest = draw * total;
  const first = step.options.find((option) => {
    rest -= option.weight;
    return rest < 0;
  });
  const others = step.options.filter((option) => option !== first).sort((a, b) => b.weight - a.weight);
  return [...(first === undefined ? [] : [first]), ...others].map((option) => option.target);
}

function unfit(target: Target, request: Considered): Reason | undefined {
  const { facts } = request;
  if (target.mode === 'batch' && request.batch === undefined) return { kind: 'waits' };
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
  passed.splice(passed.indexOf(largest), 1);
  candidates.push(largest.target);
}

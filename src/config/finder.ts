/**
 * The route for a model name: exact, then an alias, then the longest pattern, then a target that the client names itself. Routes made for a name
 * (patterns with `provider/*`, direct targets) are kept, the least lately used dropped beyond a thousand: names come from callers.
 */
import { matchesPattern } from '../core/pattern.ts';
import { present } from '../core/present.ts';
import { parseTarget, type TargetName, writeTarget } from '../core/target.ts';
import type { Step, Target, Timeouts } from '../router/chain/contract.ts';
import type { RetryPolicy, Route, WaitingPolicy } from '../router/contract.ts';
import { usualBudgetMs } from './make-route.ts';

const mostMade = 1000;
/** No model is named at such length; what callers send is kept, so it must be small. */
const longestName = 256;

export interface FinderInput {
  readonly routes: readonly Route[];
  readonly patterns: readonly { readonly pattern: string; readonly route: Route }[];
  readonly aliases: readonly (readonly [string, string])[];
  readonly openTarget: (name: string, timeouts: Timeouts) => Target | undefined;
  readonly direct: boolean;
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
  readonly waiting: WaitingPolicy;
}

export function createFinder(input: FinderInput): (model: string) => Route | undefined {
  const exact = new Map(input.routes.map((route) => [route.name, route]));
  for (const [alias, name] of input.aliases) {
    const route = exact.get(name);
    if (route !== undefined) exact.set(alias, route);
  }
  // The longest pattern is the most particular one.
  const patterns = [...input.patterns].sort((a, b) => b.pattern.length - a.pattern.length);
  const made = new Map<string, Route>();

  function make(model: string): Route | undefined {
    const match = patterns.find(({ pattern }) => matchesPattern(pattern, model));
    if (match !== undefined) return fill(match.route, model, input.openTarget);
    const named = parseTarget(model);
    if (!input.direct || named === undefined || !answersAtOnce(named) || named.model.includes('*'))
      return undefined;
    const target = input.openTarget(model, input.timeouts);
    // Nobody is told that a model exists in a mode that it does not have.
    return target === undefined || (named.mode === 'flex' && target.chat === undefined)
      ? undefined
      : directRoute(model, target, input);
  }

  return (model) => {
    const route = exact.get(model);
    if (route !== undefined) return route;
    const kept = made.get(model);
    const fresh = kept ?? (model.length > longestName ? undefined : make(model));
    if (fresh === undefined) return undefined;
    // A map keeps the order of insertion, so what is used goes to its end.
    if (kept !== undefined) made.delete(model);
    const oldest = made.size >= mostMade ? made.keys().next().value : undefined;
    if (oldest !== undefined) made.delete(oldest);
    made.set(model, fresh);
    return fresh;
  };
}

/** `provider/*` becomes the provider's model of the caller's name; `undefined` if the name asks for a mode that is not served. */
function fill(route: Route, model: string, openTarget: FinderInput['openTarget']): Route | undefined {
  if (parseTarget(`any/${model}`)?.mode !== 'sync') return undefined;
  const fillStep = (step: Step): Step => ({
    options: step.options.map(({ target, weight }) => {
      const { provider, mode } = target;
      if (target.model.id !== '*') return { target, weight };
      const named = openTarget(writeTarget({ provider, model, mode }), target.timeouts);
      return { target: named ?? target, weight };
    }),
  });
  return {
    ...route,
    chain: route.chain.map(fillStep),
    rules: route.rules.map((rule) => ({ ...rule, chain: rule.chain.map(fillStep) })),
    ...present({
      cascade: route.cascade && { ...route.cascade, escalate: route.cascade.escalate.map(fillStep) },
      canary: route.canary && { ...route.canary, chain: route.canary.chain.map(fillStep) },
    }),
  };
}

/** Whoever names a target itself holds the line for its answer. */
const answersAtOnce = ({ mode }: TargetName): boolean => mode === 'sync' || mode === 'flex';

function directRoute(name: string, target: Target, { retry, timeouts, waiting }: FinderInput): Route {
  const chain = [{ options: [{ target, weight: 1 }] }];
  return {
    name,
    rules: [],
    chain,
    retry,
    budgetMs: usualBudgetMs(chain, timeouts),
    strict: false,
    onContentFilter: 'return',
    onOverBudget: 'refuse',
    reserve: 'worst',
    knownPrices: false,
    order: 'listed',
    sticky: false,
    complexity: { mostChars: 4_000, weights: {}, scorer: 'heuristic' },
    waiting,
  };
}

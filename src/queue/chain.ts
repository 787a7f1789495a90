/**
 * The route of a request that a worker calls. Nobody holds a line, so it may wait for a place at half the price: the flex twin of a target
 * goes before it, where its provider has one and the deadline leaves time for the target itself afterwards. Rounds are the queue's own
 * matter, between which others are served.
 */
import { parseTarget, writeTarget } from '../core/target.ts';
import type { Cascade } from '../router/cascade/contract.ts';
import type { Step, Target } from '../router/chain/contract.ts';
import type { Policy, Route } from '../router/contract.ts';
import { isJudged } from './cascaded.ts';
import type { QueuedRequest } from './contract.ts';

/** Where no worker can judge what the cheap chain of a cascade answers, the strong one is asked at once. */
function judged(route: Route): Route {
  const { cascade } = route;
  if (cascade === undefined || isJudged(cascade)) return route;
  const { cascade: _unused, ...rest } = route;
  return { ...rest, rules: [], chain: cascade.escalate };
}

export function workerRoute(
  asked: Route,
  policy: Policy,
  remainingMs: number,
  operation: QueuedRequest['operation'] = 'chat',
): Route {
  const route = operation === 'chat' ? judged(asked) : asked;
  const chainOf = (steps: readonly Step[]): readonly Step[] => {
    const single = withoutBatches(steps, policy);
    return route.waiting.flex ? withFlex(single, policy, remainingMs) : single;
  };
  const { cascade } = route;
  return {
    ...route,
    ...(cascade === undefined ? {} : { cascade: callable(cascade, chainOf, policy) }),
    chain: chainOf(route.chain),
    rules: route.rules.map((rule) => ({ ...rule, chain: chainOf(rule.chain) })),
    retry: { ...route.retry, rounds: 1, sameTarget: 0 },
    budgetMs: remainingMs,
  };
}

/** Each step of the others is one opinion, so none is doubled. */
function callable(
  cascade: Cascade,
  chainOf: (steps: readonly Step[]) => readonly Step[],
  policy: Policy,
): Cascade {
  const { confidence } = cascade;
  return {
    ...cascade,
    escalate: chainOf(cascade.escalate),
    confidence:
      confidence.from === 'agreement'
        ? { ...confidence, with: withoutBatches(confidence.with, policy) }
        : confidence,
  };
}

/** A chain of batch targets alone is called at their sync forms. */
function withoutBatches(steps: readonly Step[], policy: Policy): readonly Step[] {
  const batchOnly = steps.every(({ options }) => options.every(({ target }) => target.mode === 'batch'));
  if (!batchOnly) return steps;
  return mapTargets(steps, (target) => inMode(target, 'sync', policy));
}

function withFlex(steps: readonly Step[], policy: Policy, remainingMs: number): readonly Step[] {
  const named = new Set(steps.flatMap(({ options }) => options.map(({ target }) => target.name)));
  return steps.flatMap((step) => {
    const [twins] = mapTargets([step], (target) => {
      if (target.mode !== 'sync') return undefined;
      const twin = inMode(target, 'flex', policy);
      // Nobody knows whether an unknown price is the lower one.
      if (twin === undefined || twin.chat === undefined || twin.price === undefined) return undefined;
      const fits = remainingMs > twin.timeouts.totalMs + target.timeouts.totalMs;
      return fits && !named.has(twin.name) ? twin : undefined;
    });
    return twins === undefined ? [step] : [twins, step];
  });
}

function inMode(target: Target, mode: 'sync' | 'flex', policy: Policy): Target | undefined {
  const parsed = parseTarget(target.name);
  return parsed === undefined ? undefined : policy.target(writeTarget({ ...parsed, mode }));
}

/** Options and steps of which nothing is left are left out. */
function mapTargets(steps: readonly Step[], map: (target: Target) => Target | undefined): readonly Step[] {
  return steps.flatMap(({ options }) => {
    const mapped = options.flatMap(({ target, weight }) => {
      const made = map(target);
      return made === undefined ? [] : [{ target: made, weight }];
    });
    return mapped.length === 0 ? [] : [{ options: mapped }];
  });
}

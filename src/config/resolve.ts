/**
 * A valid config as a policy: providers made, endpoints opened once a target. Adds to `problems` what only the providers themselves
 * can know.
 */
import { models as catalogModels } from '../catalog/models.ts';
import { nearest } from '../core/nearest.ts';
import { parseTarget } from '../core/target.ts';
import type { Target, Timeouts } from '../router/chain/contract.ts';
import type { BreakerPolicy, Policy, Route } from '../router/contract.ts';
import { createFinder } from './finder.ts';
import { budgetRules } from './make-capacity.ts';
import { type MadeProviders, makeProviders, type ResolveWorld } from './make-providers.ts';
import { makeRoute, type RouteContext, retryOf, timeoutsOf } from './make-route.ts';
import { hasOverride, makeTarget } from './make-target.ts';
import type { Problem } from './problem.ts';
import { makeWaiting } from './routing/waiting.ts';
import type { Config } from './schema.ts';
import { suggest } from './suggest.ts';

export interface Resolved {
  readonly policy: Policy;
  /** Every route, patterns too, in the order of the file. */
  readonly routes: readonly Route[];
  readonly providers: MadeProviders;
  /** Providers that cannot work as configured, models that nobody knows. */
  readonly warnings: readonly string[];
}

export function resolve(
  config: Config,
  written: unknown,
  world: ResolveWorld,
  problems: Problem[],
): Resolved {
  const providers = makeProviders(config, world, problems);
  const openTarget = (name: string, timeouts: Timeouts): Target | undefined => {
    const parsed = parseTarget(name);
    const provider = parsed === undefined ? undefined : providers.get(parsed.provider)?.provider;
    if (parsed === undefined || provider === undefined) return undefined;
    return makeTarget(name, provider, parsed, config, timeouts);
  };
  const context: RouteContext = { config, written, openTarget, targets: new Map(), problems };
  const routes = Object.entries(config.routes).map(([name, route]) => makeRoute(name, route, context));
  const targets = [...context.targets.values()];
  const policy = makePolicy(config, routes, targets, openTarget, providers);
  return { policy, routes, providers, warnings: warningsOf(config, providers, targets) };
}

function makePolicy(
  config: Config,
  routes: readonly Route[],
  targets: readonly Target[],
  openTarget: RouteContext['openTarget'],
  providers: MadeProviders,
): Policy {
  const isPattern = (route: Route): boolean => route.name.includes('*');
  const plain = routes.filter((route) => !isPattern(route));
  const aliases = Object.entries(config.routes).flatMap(([name, { aliases: list }]) =>
    list.map((alias): [string, string] => [alias, name]),
  );
  const find = createFinder({
    routes: plain,
    patterns: routes.filter(isPattern).map((route) => ({ pattern: route.name, route })),
    aliases,
    openTarget,
    direct: config.direct,
    timeouts: timeoutsOf(config),
    retry: retryOf(config),
    waiting: makeWaiting(config.waiting),
  });
  const names = [...plain.map((route) => route.name), ...aliases.map(([alias]) => alias)];
  return {
    version: 1,
    find,
    webhook: (name) => providers.get(name)?.provider.readWebhook,
    target: keepTargets(targets, (name) => openTarget(name, timeoutsOf(config))),
    names,
    routes,
    targets,
    breaker: breakerOf(config),
    budgets: budgetRules(config.budgets),
  };
}

/** Names come from rows that an earlier config wrote, so they are few. */
const mostNamed = 1000;

/** Those of routes, and those that only batches name, opened once. */
function keepTargets(
  targets: readonly Target[],
  open: (name: string) => Target | undefined,
): (name: string) => Target | undefined {
  const byName = new Map<string, Target | undefined>(targets.map((target) => [target.name, target]));
  return (name) => {
    if (byName.has(name) || byName.size >= targets.length + mostNamed) return byName.get(name) ?? open(name);
    const opened = open(name);
    byName.set(name, opened);
    return opened;
  };
}

function breakerOf({ breaker }: Config): BreakerPolicy {
  return {
    failures: breaker.failures,
    ratio: breaker.ratio,
    windowMs: breaker.window,
    openMs: breaker.open,
    openCapMs: breaker.open_cap,
  };
}

function warningsOf(config: Config, providers: MadeProviders, targets: readonly Target[]): readonly string[] {
  const warnings = [...providers.values()].flatMap(({ provider }) => provider.warning ?? []);
  for (const target of targets) {
    if (target.model.known || target.model.id === '*') continue;
    if (!hasOverride(config.models, target.provider, target.model.id)) warnings.push(unknownModel(target));
  }
  return [...new Set([...warnings, ...priceWarnings(targets), ...idleNames(config, targets)])];
}

function priceWarnings(targets: readonly Target[]): readonly string[] {
  return targets
    .filter((target) => target.price === undefined && target.model.id !== '*')
    .map(
      ({ name }) =>
        `the price of ${name} is unknown: its cost is counted as nothing, and a hard budget refuses it. Give it under prices:.`,
    );
}

/** What no target of a route falls under protects nothing and prices nothing; clients may still name the target themselves. */
function idleNames(config: Config, targets: readonly Target[]): readonly string[] {
  const used = [...new Set(targets.flatMap(({ provider, model }) => [provider, `${provider}/${model.id}`]))];
  // A route that takes the caller’s model name may use any model of its provider.
  const open = new Set(targets.filter(({ model }) => model.id === '*').map(({ provider }) => provider));
  return (['limits', 'prices'] as const).flatMap((section) =>
    Object.keys(config[section])
      .filter((name) => !used.includes(name) && !open.has(name.split('/')[0] ?? ''))
      .map((name) => {
        const guess = name.includes('/') ? nearest(name, used) : undefined;
        const hint = guess === undefined ? '' : ` Did you mean "${guess}"?`;
        return `no route uses ${name}, so its ${section} apply only where a client names it itself.${hint}`;
      }),
  );
}

function unknownModel(target: Target): string {
  const hint = suggest(target.model.id, [...catalogModels.keys()]);
  const guess = hint.startsWith('Did you mean') ? ` ${hint}` : '';
  return `the catalog does not know the model of ${target.name}: nothing is assumed about its size or abilities.${guess}`;
}

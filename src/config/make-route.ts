/** A route of the config as the router walks it: targets opened, conditions and limits in the router's own terms. */
import { stringify } from 'yaml';
import { present } from '../core/present.ts';
import { writeTarget } from '../core/target.ts';
import type { Step, Target, Timeouts } from '../router/chain/contract.ts';
import type { Condition, RetryPolicy, Route, Rule } from '../router/contract.ts';
import type { WrittenStep } from './chain.ts';
import { valueAt } from './issues.ts';
import type { Path, Problem } from './problem.ts';
import { makeCanary } from './routing/canary.ts';
import { makeCascade } from './routing/cascade.ts';
import { makeComplexity } from './routing/complexity.ts';
import { makeResponseCache } from './routing/response-cache.ts';
import { makeWaiting } from './routing/waiting.ts';
import type { ConditionConfig, Config, RouteConfig } from './schema.ts';

export interface RouteContext {
  readonly config: Config;
  /** The file's own value, before variables were filled in. */
  readonly written: unknown;
  readonly openTarget: (name: string, timeouts: Timeouts) => Target | undefined;
  readonly targets: Map<string, Target>;
  readonly problems: Problem[];
}

export function makeRoute(name: string, written: RouteConfig, context: RouteContext): Route {
  const { config } = context;
  const timeouts = timeoutsOf(config, written.timeouts);
  const own = written.timeouts === undefined ? '' : name;
  const path = ['routes', name];
  const toSteps = (steps: readonly WrittenStep[], at: Path): readonly Step[] =>
    steps.map((step, index) => ({
      options: step.options.flatMap((option) => {
        const target = targetOnce(option.target, timeouts, own, [...at, index, ...option.at], context);
        return target === undefined ? [] : [{ target, weight: option.weight }];
      }),
    }));
  const below = (section: string) => (steps: readonly WrittenStep[], at: Path) =>
    toSteps(steps, [...path, section, ...at]);
  const rules = written.rules.map((rule, index): Rule => {
    const place = [...path, 'rules', index];
    return {
      text: flow(valueAt(context.written, [...place, 'when'])),
      when: toCondition(rule.when),
      chain: toSteps(rule.chain, [...place, 'chain']),
    };
  });
  const chain = toSteps(written.chain, [...path, 'chain']);
  if (written.cascade !== undefined && written.cache !== undefined)
    context.problems.push({
      path: [...path, 'cache'],
      message: 'answers of a cascade are not kept: which of its models answers is only known when it has',
      fix: 'Remove cache, or the cascade.',
      atKey: true,
    });
  return {
    name,
    rules,
    chain,
    retry: retryOf(config, written.retry),
    budgetMs: written.budget ?? usualBudgetMs([...chains(rules), ...chain], timeouts),
    strict: written.strict,
    onContentFilter: written.on_content_filter,
    onOverBudget: written.over_budget,
    reserve: written.reserve,
    knownPrices: written.known_prices,
    order: written.order,
    sticky: written.sticky,
    complexity: makeComplexity(written.complexity),
    waiting: makeWaiting(config.waiting, written.waiting),
    ...present({
      cascade: written.cascade && makeCascade(written.cascade, below('cascade')),
      canary: written.canary && makeCanary(written.canary, below('canary')),
      cache: written.cache && makeResponseCache(written.cache),
    }),
  };
}

const chains = (rules: readonly Rule[]): readonly Step[] => rules.flatMap((rule) => rule.chain);

const plainBudgetMs = 300_000;

/** Time for a route’s requests. What waits for room at a flex tier must leave time for whoever stands behind it. */
export function usualBudgetMs(steps: readonly Step[], { flexMs }: Timeouts): number {
  const waits = steps.some(({ options }) => options.some(({ target }) => target.mode === 'flex'));
  return waits ? flexMs + plainBudgetMs : plainBudgetMs;
}

/** On one line, as a person would write it. */
function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

/** One object a target, but for routes with time limits of their own. */
function targetOnce(
  name: string,
  timeouts: Timeouts,
  own: string,
  path: Path,
  { targets, openTarget, problems }: RouteContext,
): Target | undefined {
  const key = JSON.stringify([own, name]);
  const known = targets.get(key);
  if (known !== undefined) return known;
  const target = openTarget(name, timeouts);
  if (target === undefined) return undefined;
  targets.set(key, target);
  if (target.mode === 'flex' && target.chat === undefined) {
    problems.push({
      path,
      message: `${JSON.stringify(name)} cannot be called: provider "${target.provider}" has no flex tier for it, as configured`,
      fix: 'Write it without @flex.',
    });
    return target;
  }
  if (target.chat === undefined && target.embeddings === undefined && target.countTokens === undefined) {
    const what = target.model.capabilities.has('embeddings') ? 'embeddings' : 'chat';
    problems.push({
      path,
      message: `${JSON.stringify(name)} cannot be called: provider "${target.provider}" offers no ${what}`,
      fix: batchInstead(target, timeouts, openTarget) ?? 'Name another provider or model.',
    });
  } else if (target.mode === 'batch' && target.batches === undefined) {
    problems.push({
      path,
      message: `${JSON.stringify(name)} cannot be called: provider "${target.provider}" has no batch API for it, as configured`,
      fix: 'Write it without @batch, or look whether the provider’s settings need a batch section.',
    });
  }
  return target;
}

/** Where a provider has a batch API and no other: what to write in place of a target that cannot be called. */
function batchInstead(
  { provider, model, mode }: Target,
  timeouts: Timeouts,
  openTarget: RouteContext['openTarget'],
): string | undefined {
  if (mode === 'batch') return undefined;
  const name = writeTarget({ provider, model: model.id, mode: 'batch' });
  return openTarget(name, timeouts)?.chat === undefined
    ? undefined
    : `It has a batch API alone: write ${name}.`;
}

function toCondition(when: ConditionConfig): Condition {
  const headers =
    when.headers && Object.entries(when.headers).map(([key, value]) => [key.toLowerCase(), value]);
  return present({
    model: when.model,
    tags: when.tags,
    headers: headers === undefined ? undefined : Object.fromEntries(headers),
    inputTokens: when.input_tokens,
    maxOutputTokens: when.max_output_tokens,
    needs: when.needs,
    stream: when.stream,
    priority: when.priority,
    complexity: when.complexity,
    deadline: when.deadline,
  });
}

export function timeoutsOf(config: Config, own: RouteConfig['timeouts'] = {}): Timeouts {
  const all = config.timeouts;
  return {
    connectMs: own.connect ?? all.connect,
    firstByteMs: own.first_byte ?? all.first_byte,
    firstTokenMs: own.first_token ?? all.first_token,
    answerMs: own.answer ?? all.answer,
    idleMs: own.idle ?? all.idle,
    totalMs: own.total ?? all.total,
    flexMs: own.flex ?? all.flex,
  };
}

export function retryOf(config: Config, own: RouteConfig['retry'] = {}): RetryPolicy {
  const all = config.retry;
  return {
    rounds: own.rounds ?? all.rounds,
    sameTarget: own.same_target ?? all.same_target,
    baseMs: own.base ?? all.base,
    capMs: own.cap ?? all.cap,
    retryAfterCapMs: own.retry_after_cap ?? all.retry_after_cap,
  };
}

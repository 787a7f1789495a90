/**
 * What would become of a request, without sending it: decided as it would be, with each target's cost, limits and budgets. `explain` asks this of a
 * config alone, and a running gateway answers it with what it knows: health, room, what was spent, what was learnt.
 */
import type { Calibration } from '../catalog/calibration.ts';
import { decimalDollars } from '../core/price.ts';
import type { ChatRequest, EmbeddingRequest } from '../core/request.ts';
import type { Mode } from '../core/target.ts';
import type { Limits } from '../limits/contract.ts';
import { wayTexts } from '../queue/mode.ts';
import { dueOf } from '../router/budgets.ts';
import type { LimitSet, Target } from '../router/chain/contract.ts';
import type { Call, Caller, Considered, Policy, Route } from '../router/contract.ts';
import { type Decision, decide, endpointFor, type World } from '../router/decide.ts';
import { complexityText, explainTargets } from '../router/explain.ts';
import { type Feature, featuresOf } from '../router/explain-route.ts';
import { findRoute } from '../router/find-route.ts';
import { amountOf, needsOf } from '../router/needs.ts';
import { expectedNanoUsd } from '../router/order.ts';
import { scanBody } from '../wire/json-scan.ts';
import { createCall } from './call.ts';
import type { AnyDialect } from './dialects/contract.ts';
import { readAsyncWish } from './waiting/prefer.ts';
import { allModes, type Waitable, wayOf } from './waiting/way-of.ts';

export interface ExplainSight {
  readonly policy: Policy;
  readonly world: World;
  readonly estimates: Calibration;
  readonly nowMs: number;
  /** Whether a batch API of the route takes it. */
  batchable(request: Considered, route: Route): boolean;
  /** Absent: levels and sums are not known. */
  readonly live?: {
    readonly limits: Limits;
    limitsOf(target: Target): LimitSet;
  };
}

export interface ExplainInput {
  readonly dialect: AnyDialect;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Where in the weights the request falls. */
  readonly draw: number;
  readonly caller?: Caller;
}

export interface Explained {
  readonly route: string;
  readonly rule: { readonly number: number; readonly text: string } | null;
  readonly request: {
    readonly model: string;
    readonly operation: string;
    readonly stream: boolean;
    readonly input_tokens: number;
    readonly max_output_tokens: number | null;
    readonly needs: readonly string[];
    readonly tags: readonly string[];
    readonly priority: string;
    readonly deadline_ms: number | null;
  };
  readonly complexity: { readonly score: number; readonly text: string } | null;
  readonly arm: string | null;
  readonly way: {
    /** `held`: the caller did not say that it need not wait. */
    readonly way: 'held' | 'sync' | 'queue' | 'batch';
    readonly text: string;
  };
  readonly features: readonly Feature[];
  /** Whether health, room and sums are those of a running gateway. */
  readonly live: boolean;
  readonly targets: readonly ExplainedRow[];
}

export interface ExplainedRow {
  readonly target: string;
  readonly verdict: 'first' | 'fallback' | 'passed over';
  readonly why: string;
  /** How the body travels; absent where it would not. */
  readonly body?: 'passes through' | 'translated';
  readonly expected_usd: string | null;
  /** The most that it can cost: what a budget sets aside. */
  readonly worst_usd: string | null;
  readonly limits: readonly ExplainedLimit[];
  readonly budgets: readonly ExplainedBudget[];
}

export interface ExplainedLimit {
  readonly limit: string;
  readonly most: number;
  readonly needs: number;
  /** Of the limit, now; null: not known. */
  readonly free: number | null;
}

export interface ExplainedBudget {
  readonly budget: string;
  readonly cap_usd: string;
  readonly hard: boolean;
  readonly used_usd: string | null;
  readonly held_usd: string | null;
}

/** Throws `GatewayError` for what the gateway would refuse before it decides. */
export function explainRequest(sight: ExplainSight, input: ExplainInput): Explained {
  const { dialect, headers, draw, caller } = input;
  const body = scanBody(input.body);
  const facts = dialect.inspect(body);
  const route = findRoute(sight.policy, facts.model);
  const call = createCall<ChatRequest | EmbeddingRequest>({
    id: 'explain',
    facts,
    body,
    headers,
    draw,
    nowMs: sight.nowMs,
    caller,
    dialect,
  });
  const way = chosenWay(sight, call, route, headers);
  const decision = decide(modesFor(way.way, call), route, sight.world);
  const { rule, complexity, arm } = decision;
  return {
    route: route.name,
    rule: rule === undefined ? null : { number: route.rules.indexOf(rule) + 1, text: rule.text },
    request: {
      model: facts.model,
      operation: facts.operation,
      stream: facts.stream,
      input_tokens: facts.inputTokens,
      max_output_tokens: facts.maxOutputTokens ?? null,
      needs: facts.needs,
      tags: call.tags,
      priority: call.priority,
      deadline_ms: call.budgetMs ?? null,
    },
    complexity:
      complexity === undefined ? null : { score: complexity.score, text: complexityText(complexity) },
    arm: arm ?? null,
    way,
    features: featuresOf(route),
    live: sight.live !== undefined,
    targets: rowsOf(sight, decision, call, dialect),
  };
}

function chosenWay(
  sight: ExplainSight,
  call: Waitable,
  route: Route,
  headers: ExplainInput['headers'],
): Explained['way'] {
  const wish = readAsyncWish(headers);
  if (wish === undefined)
    return { way: 'held', text: 'called at once: without "prefer: respond-async" the caller holds the line' };
  const { way, why } = wayOf(sight, call, route, wish);
  return { way, text: `${ways[way]}: ${wayTexts[why]}` };
}

const ways = { sync: 'called at once', queue: 'through the queue', batch: 'gathered into a batch' } as const;
const queueModes: ReadonlySet<Mode> = new Set<Mode>(['sync', 'flex', 'queue']);

/** Whoever waits may be served by what takes time. */
function modesFor(way: Explained['way']['way'], call: Waitable): Considered {
  switch (way) {
    case 'held':
    case 'sync':
      return call;
    case 'queue':
      return { ...call, modes: queueModes };
    case 'batch':
      return { ...call, modes: allModes };
  }
}

function rowsOf(
  sight: ExplainSight,
  decision: Decision,
  call: Call,
  dialect: AnyDialect,
): readonly ExplainedRow[] {
  const { route } = decision;
  const measures = sight.world.measures ?? {};
  return explainTargets(decision, sight.nowMs).map(({ target, verdict, why }) => {
    const expected = expectedNanoUsd(target, call, route.name, measures);
    const needs = needsOf(call, route, target, sight.estimates);
    const endpoint = endpointFor(target, call.facts.operation);
    const through = endpoint?.protocol === dialect.protocol && endpoint.forward !== undefined;
    return {
      target: target.name,
      verdict,
      why,
      ...(verdict === 'passed over' ? {} : { body: through ? 'passes through' : 'translated' }),
      expected_usd: expected === undefined ? null : decimalDollars(expected),
      worst_usd: target.price === undefined ? null : decimalDollars(needs.worstNanoUsd),
      limits: limitsOf(sight, target, call, needs.input, needs.output),
      budgets: budgetsOf(sight, call, route, target),
    };
  });
}

function limitsOf(
  { live }: ExplainSight,
  target: Target,
  { caller }: Call,
  input: number,
  output: number,
): readonly ExplainedLimit[] {
  const { meters, places } = live?.limitsOf(target) ?? target.limits;
  const own = caller?.limits ?? { meters: [], places: [] };
  return [
    ...[...meters, ...own.meters].map(({ bucket, measure }) => ({
      limit: bucket.key,
      most: bucket.limit,
      needs: amountOf(measure, input, output),
      free: live === undefined ? null : Math.floor(live.limits.level(bucket)),
    })),
    // How many of them run is told by nobody.
    ...[...places, ...own.places].map(({ key, limit }) => ({
      limit: key,
      most: limit,
      needs: 1,
      free: null,
    })),
  ];
}

function budgetsOf(
  { policy, nowMs, live }: ExplainSight,
  call: Call,
  route: Route,
  target: Target,
): readonly ExplainedBudget[] {
  return dueOf(call, route, target, policy, nowMs).map(({ rule, key }) => {
    const state = live?.limits.budget(key);
    return {
      budget: key,
      cap_usd: decimalDollars(rule.capNanoUsd),
      hard: rule.hard,
      used_usd: state === undefined ? null : decimalDollars(state.usedNanoUsd),
      held_usd: state === undefined ? null : decimalDollars(state.heldNanoUsd),
    };
  });
}

/** `GET /admin/decisions` and `GET /admin/decisions/:id`: why requests went where they went. Put into words here, when somebody asks. */
import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/present.ts';
import { decimalDollars } from '../../core/price.ts';
import type { AttemptRecord } from '../../router/contract.ts';
import type { Decision } from '../../router/decide.ts';
import type { Asked, DecisionQuery, DecisionRecord, Decisions } from '../../router/decisions.ts';
import { complexityText, explainTargets } from '../../router/explain.ts';
import { expectedNanoUsd, type Measures } from '../../router/order.ts';
import { readQuery } from './read-query.ts';

const query = z.strictObject({
  route: z.string().optional(),
  outcome: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
});

/** What is asked when a decision is put into words. */
export interface DecisionSight {
  readonly decisions: Decisions;
  /** For expected costs, as they are learnt by now. */
  readonly measures: Measures;
  /** In words, of all processes that serve as one; `undefined` from it: nobody answers, and this one speaks for itself. */
  readonly ofAll?: ((query: DecisionQuery) => Promise<readonly object[] | undefined>) | undefined;
}

/** What this process has, in words: the one that is asked for, or the latest. */
export function tellDecisions(
  { decisions, measures }: DecisionSight,
  query: DecisionQuery,
): readonly object[] {
  if (query.id === undefined) return decisions.list(query, query.limit).map(line);
  const record = decisions.find(query.id);
  return record === undefined ? [] : [whole(record, measures)];
}

export async function listDecisions(
  sight: DecisionSight,
  asked: Readonly<Record<string, string>>,
): Promise<Response> {
  const read = readQuery(query, asked);
  const { limit } = read;
  const wanted: DecisionQuery = { limit, ...present(read) };
  const told = (await sight.ofAll?.(wanted)) ?? tellDecisions(sight, wanted);
  const newest = [...told].sort((one, other) => atOf(other).localeCompare(atOf(one)));
  return Response.json({ decisions: newest.slice(0, limit) });
}

/** By it those of several processes are put in order. */
const atOf = (told: object): string => ('at' in told && typeof told.at === 'string' ? told.at : '');

export async function answerDecision(sight: DecisionSight, id: string): Promise<Response> {
  const wanted: DecisionQuery = { id, limit: 1 };
  const [told] = (await sight.ofAll?.(wanted)) ?? tellDecisions(sight, wanted);
  if (told === undefined)
    throw new GatewayError(
      'not_found',
      `No decision "${id.slice(0, 100)}" is kept: a gateway keeps its own latest ones, and forgets them when it stops.`,
    );
  return Response.json(told);
}

/** One of a list. */
function line(record: DecisionRecord): object {
  const { id, atMs, durationMs, route, outcome, code, status, tried, decided } = record;
  return {
    id,
    at: new Date(atMs).toISOString(),
    route,
    outcome,
    status,
    ...(code === undefined ? {} : { code }),
    target: servedBy(record) ?? null,
    attempts: tried.filter((one) => one.outcome !== 'refused').length,
    duration_ms: durationMs,
    ...(decided?.first.rule === undefined ? {} : { rule: decided.first.rule.text }),
  };
}

function whole(record: DecisionRecord, measures: Measures): object {
  const { key, dialect, policyVersion, asked, decided, tried, notes } = record;
  return {
    ...line(record),
    dialect,
    ...(key === undefined ? {} : { key }),
    config_version: policyVersion,
    ...(asked === undefined ? {} : { request: askedJson(asked) }),
    ...(decided === undefined
      ? {}
      : {
          ...decisionJson(decided.first, asked, record.atMs, measures),
          rounds: decided.rounds,
          // Where health changed meanwhile, the last round saw another chain.
          ...(decided.last === decided.first
            ? {}
            : { last_round: decisionJson(decided.last, asked, undefined, measures) }),
        }),
    tried: tried.map(attemptJson),
    ...(notes === undefined ? {} : { notes }),
  };
}

function askedJson({ facts, tags, priority, budgetMs }: Asked): object {
  return {
    model: facts.model,
    operation: facts.operation,
    stream: facts.stream,
    input_tokens: facts.inputTokens,
    ...(facts.maxOutputTokens === undefined ? {} : { max_output_tokens: facts.maxOutputTokens }),
    needs: facts.needs,
    native_only: facts.nativeOnly,
    tags,
    priority,
    ...(budgetMs === undefined ? {} : { deadline_ms: budgetMs }),
  };
}

export function decisionJson(
  decision: Decision,
  asked: Asked | undefined,
  atMs: number | undefined,
  measures: Measures,
): object {
  const { route, rule, complexity, arm } = decision;
  return {
    rule: rule === undefined ? null : { number: route.rules.indexOf(rule) + 1, text: rule.text },
    ...(complexity === undefined ? {} : { complexity: { ...complexity, text: complexityText(complexity) } }),
    ...(arm === undefined ? {} : { arm }),
    order: route.order,
    targets: explainTargets(decision, atMs).map(({ target, verdict, why, rank }) => {
      const cost = asked === undefined ? undefined : expectedNanoUsd(target, asked, route.name, measures);
      return {
        target: target.name,
        verdict,
        why,
        ...(rank === undefined ? {} : { rank }),
        expected_usd: cost === undefined ? null : decimalDollars(cost),
      };
    }),
  };
}

function attemptJson({
  id,
  target,
  outcome,
  code,
  status,
  durationMs,
  spent,
  usage,
  detail,
}: AttemptRecord): object {
  return {
    ...(id === undefined ? {} : { id }),
    target,
    outcome,
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { why: detail }),
    ...(status === undefined ? {} : { upstream_status: status }),
    duration_ms: durationMs,
    ...(usage === undefined ? {} : { usage }),
    ...(spent === undefined ? {} : { cost_usd: decimalDollars(spent.costNanoUsd), exact: spent.exact }),
  };
}

function servedBy({ outcome, tried }: DecisionRecord): string | undefined {
  return outcome === 'served' ? tried.at(-1)?.target : undefined;
}

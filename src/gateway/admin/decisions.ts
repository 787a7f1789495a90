/** `GET /admin/decisions` and `GET /admin/decisions/:id`: why requests went where they went. Put into words here, when somebody asks. */
import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { decimalDollars } from '../../core/price.ts';
import type { AttemptRecord } from '../../router/contract.ts';
import type { Decision } from '../../router/decide.ts';
import type { Asked, DecisionRecord, Decisions } from '../../router/decisions.ts';
import { complexityText, explainTargets } from '../../router/explain.ts';
import { expectedNanoUsd, type Measures } from '../../router/order.ts';

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
}

export function listDecisions(
  { decisions }: DecisionSight,
  asked: Readonly<Record<string, string>>,
): Response {
  const parsed = query.safeParse(asked);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const param = issue?.path.join('.') ?? '';
    throw new GatewayError(
      'invalid_request',
      `${param === '' ? 'The query' : param}: ${issue?.message ?? 'not readable'}.`,
      { param },
    );
  }
  const { route, outcome, limit } = parsed.data;
  const filter = { ...(route === undefined ? {} : { route }), ...(outcome === undefined ? {} : { outcome }) };
  return Response.json({
    kept: decisions.size,
    decisions: decisions.list(filter, limit).map(line),
  });
}

export function answerDecision(sight: DecisionSight, id: string): Response {
  const record = sight.decisions.find(id);
  if (record === undefined)
    throw new GatewayError(
      'not_found',
      `No decision "${id.slice(0, 100)}" is kept: this process keeps its latest ones, and forgets them when it stops.`,
    );
  return Response.json(whole(record, sight.measures));
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

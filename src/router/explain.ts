/**
 * Decisions in words. `explain`, the admin endpoints and `drill` say the same thing in the same words, so each is here once.
 */
import { decimalDollars } from '../core/price.ts';
import type { Target } from './chain/contract.ts';
import type { Complexity } from './complexity/contract.ts';
import type { Order } from './contract.ts';
import type { Decision, Reason } from './decide.ts';

export function reasonText(reason: Reason, nowMs: number | undefined = undefined): string {
  switch (reason.kind) {
    case 'no-endpoint':
      return 'does not offer this operation';
    case 'other-protocol':
      return 'the request uses what only its own protocol has';
    case 'waits':
      return 'its mode takes longer than this request waits';
    case 'lacks':
      return `lacks ${reason.capability}`;
    case 'too-long':
      return `needs about ${reason.tokens} tokens, its window holds ${reason.contextTokens}`;
    case 'unhealthy':
      return standingText(reason.view, nowMs);
  }
}

function standingText(
  { standing, untilMs }: Extract<Reason, { kind: 'unhealthy' }>['view'],
  nowMs: number | undefined,
): string {
  const left = nowMs === undefined || untilMs <= nowMs ? '' : `, for ${secondsText(untilMs - nowMs)} more`;
  switch (standing) {
    case 'open':
      return `its breaker is open${left}`;
    case 'cooling':
      return `it asked for time${left}`;
    case 'probing':
      return 'its breaker is open, and another request tries whether it is back';
    case 'ready':
    case 'probe':
      return standing;
  }
}

const secondsText = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** What a candidate's place in an order is from. `rank` as `decide` gives it: smaller is better. */
export function rankText(order: Order, rank: number | undefined): string {
  if (order === 'listed') return 'as listed';
  if (rank === undefined) return 'not known, so behind those that are';
  switch (order) {
    case 'cheapest':
      return `expected to cost $${decimalDollars(rank)}`;
    case 'fastest':
      if (rank === 0) return 'not measured lately: this request finds out';
      return `answers in ${Math.round(rank)} ms`;
    case 'most-room':
      return `${Math.round((1 - rank) * 100)}% of its limits free`;
  }
}

const warmText = (tokens = 0): string =>
  tokens === 0 ? '' : `, counting ${Math.round(tokens)} tokens that its prompt cache holds`;

/** `0.62 by heuristic: code 0.80 x 0.3, length 0.44 x 0.5`: each part that adds to it with its weight, the largest first. */
export function complexityText({ score, parts, scorer }: Complexity): string {
  const heaviest = parts
    .filter(({ value, weight }) => value * weight > 0)
    .sort((a, b) => b.value * b.weight - a.value * a.weight);
  const told = heaviest.map(({ name, value, weight }) => `${name} ${value.toFixed(2)} x ${number(weight)}`);
  return `${score.toFixed(2)} by ${scorer}${told.length === 0 ? '' : `: ${told.join(', ')}`}`;
}

const number = (value: number): string => String(Math.round(value * 1000) / 1000);

export interface ExplainedTarget {
  readonly target: Target;
  readonly verdict: 'first' | 'fallback' | 'passed over';
  readonly why: string;
  readonly rank?: number;
}

/** Every target that was looked at, in the order in which they are tried, those passed over behind them. */
export function explainTargets(
  { route, candidates, passed, ranks, warmTokens }: Decision,
  nowMs: number | undefined = undefined,
): readonly ExplainedTarget[] {
  const taken = candidates.map((target, index): ExplainedTarget => {
    const rank = ranks?.[index];
    return {
      target,
      verdict: index === 0 ? 'first' : 'fallback',
      why: `${ranks === undefined ? 'as listed' : rankText(route.order, rank)}${warmText(warmTokens?.[index])}`,
      ...(rank === undefined ? {} : { rank }),
    };
  });
  return [
    ...taken,
    ...passed.map(
      ({ target, reason }): ExplainedTarget => ({
        target,
        verdict: 'passed over',
        why: reasonText(reason, nowMs),
      }),
    ),
  ];
}

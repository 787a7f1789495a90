/**
 * Which of a chain's candidates is tried first. Pure: what was measured comes in. The order is stable, so that targets that are alike,
 * or of which nothing is known, stay as they are listed.
 */
import { costOf } from '../core/price.ts';
import type { Target } from './chain/contract.ts';
import type { Considered, Route } from './contract.ts';

/** What is known of targets now. Each absent, or `undefined`: it is not known. */
export interface Measures {
  /** Milliseconds until an answer, smoothed; 0: it is this request that shall find out. */
  speedMs?(target: Target, request: Considered): number | undefined;
  /** The free share of the fullest of its limits, from 0 to 1. */
  room?(target: Target): number | undefined;
  /** Tokens that the target's own tokeniser likely makes of the request. */
  inputTokens?(request: Pick<Considered, 'facts'>, target: Target): number | undefined;
  /** Tokens that its answers in this route have, on average. */
  outputTokens?(route: string, target: Target): number | undefined;
  /** Tokens of the request that its prompt cache has likely kept from an earlier turn. */
  warmTokens?(request: Considered, target: Target): number | undefined;
}

/** Where nothing has been learnt of any answer's length. */
const usualOutput = 256;

export interface Ranked {
  readonly target: Target;
  /** What it is ordered by, smaller first; `undefined`: not known, and it comes behind those of which it is. */
  readonly rank: number | undefined;
  /** Tokens that its prompt cache likely holds; part of the rank. */
  readonly warmTokens: number;
}

/** As they are tried. */
export function inOrder(
  candidates: readonly Target[],
  request: Considered,
  route: Pick<Route, 'name' | 'order' | 'sticky'>,
  measures: Measures,
): readonly Ranked[] {
  // Of a target that has never answered here nobody knows how long it writes: as long as the others, or its price would not count.
  const output = route.order === 'cheapest' ? meanOutput(candidates, route.name, measures) : usualOutput;
  const ranked = candidates.map((target): Ranked => {
    const warmTokens = route.sticky ? (measures.warmTokens?.(request, target) ?? 0) : 0;
    return { target, rank: rankOf(target, request, route, measures, output, warmTokens), warmTokens };
  });
  return ranked.sort((a, b) => {
    const [first, second] = [a.rank ?? last, b.rank ?? last];
    return first === second ? 0 : first - second;
  });
}

const last = Number.POSITIVE_INFINITY;

function meanOutput(candidates: readonly Target[], route: string, measures: Measures): number {
  let [sum, known] = [0, 0];
  for (const target of candidates) {
    const tokens = measures.outputTokens?.(route, target);
    if (tokens === undefined) continue;
    sum += tokens;
    known += 1;
  }
  return known === 0 ? usualOutput : sum / known;
}

function rankOf(
  target: Target,
  request: Considered,
  { name, order }: Pick<Route, 'name' | 'order'>,
  measures: Measures,
  output: number,
  warmTokens: number,
): number | undefined {
  const cost = (warm: number) => expectedNanoUsd(target, request, name, measures, output, warm);
  if (order === 'cheapest') return cost(warmTokens);
  const plain = order === 'fastest' ? measures.speedMs?.(target, request) : crowded(measures.room?.(target));
  if (plain === undefined || warmTokens === 0) return plain;
  // A warm cache makes up for being slower, or fuller, by as large a share as it saves of the cost.
  const [cold, warm] = [cost(0), cost(warmTokens)];
  return cold === undefined || warm === undefined || cold === 0 ? plain : plain * (warm / cold);
}

function crowded(room: number | undefined): number | undefined {
  return room === undefined ? undefined : 1 - room;
}

export function expectedNanoUsd(
  target: Target,
  request: Pick<Considered, 'facts'>,
  route: string,
  measures: Measures,
  unlearnt = usualOutput,
  warmTokens = 0,
): number | undefined {
  if (target.price === undefined) return undefined;
  const { facts } = request;
  const inputTokens = measures.inputTokens?.(request, target) ?? facts.inputTokens;
  const output = measures.outputTokens?.(route, target) ?? unlearnt;
  return costOf(target.price, {
    inputTokens,
    cacheReadTokens: Math.min(warmTokens, inputTokens),
    outputTokens: Math.min(facts.maxOutputTokens ?? output, output),
  });
}

/**
 * Which of a chain's candidates is tried first. Pure: what was measured comes in. The order is stable, so that targets that are alike,
 * or of which nothing is known, stay as they are listed.
 */
import { costOf } from '../core/price.ts';
import type { Considered, Order, Target } from './contract.ts';

/** What is known of targets now. Each absent, or `undefined`: it is not known. */
export interface Measures {
  /** Milliseconds until an answer, smoothed. */
  speedMs?(target: Target): number | undefined;
  /** The free share of the fullest of its limits, from 0 to 1. */
  room?(target: Target): number | undefined;
  /** Tokens that its answers in this route have, on average. */
  outputTokens?(route: string, target: Target): number | undefined;
  /** Tokens of the request that its prompt cache has likely kept from an earlier turn. */
  warmTokens?(request: Considered, target: Target): number | undefined;
}

/** Where nothing has been learnt of an answer's length. */
const usualOutput = 256;

/** What it is ordered by, smaller first; `undefined`: not known, and it comes behind those of which it is. */
export function rankOf(
  order: Order,
  target: Target,
  request: Considered,
  route: string,
  measures: Measures,
): number | undefined {
  switch (order) {
    case 'listed':
      return 0;
    case 'cheapest':
      return expectedNanoUsd(target, request, route, measures);
    case 'fastest':
      return measures.speedMs?.(target);
    case 'most-room': {
      const room = measures.room?.(target);
      return room === undefined ? undefined : 1 - room;
    }
  }
}

export function expectedNanoUsd(
  target: Target,
  { facts }: Pick<Considered, 'facts'>,
  route: string,
  measures: Measures,
): number | undefined {
  if (target.price === undefined) return undefined;
  const learnt = measures.outputTokens?.(route, target) ?? usualOutput;
  const outputTokens = Math.min(facts.maxOutputTokens ?? learnt, learnt);
  return costOf(target.price, { inputTokens: facts.inputTokens, outputTokens });
}

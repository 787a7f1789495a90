/**
 * What an attempt may use, estimated before it begins. Limits are charged what is expected, since what comes back late is only room
 * unused. Budgets are charged the most that the answer can cost, since money that is spent does not come back.
 */
import type { Calibration } from '../catalog/calibration.ts';
import type { Facts } from '../core/facts.ts';
import { present } from '../core/present.ts';
import { worstCost } from '../core/price.ts';
import type { Measure, Target } from './chain/contract.ts';
import type { Call, Route } from './contract.ts';

export interface Needs {
  /** What the answers of this route from this target are learnt under. */
  readonly learnt: string;
  /** Tokens, expected. */
  readonly input: number;
  readonly output: number;
  /** The most that it can cost; 0 where the price is unknown. */
  readonly worstNanoUsd: number;
}

/** Where nobody says how long an answer may get: longer than nearly every answer, not so long that one request holds a whole budget. */
const unknownMostOutput = 32_000;
/** Prompts that providers add by themselves when tools are offered: Anthropic’s are 346 tokens at most (pricing page, November 2026). */
const hiddenToolPrompt = 512;

export function needsOf(call: Call, route: Route, target: Target, estimates: Calibration): Needs {
  const { facts } = call;
  const learnt = learntUnder(route.name, target);
  const most = mostOutput(call.facts, target);
  return {
    learnt,
    input: Math.ceil(estimates.estimateInput(target.model.id, facts.inputTokens)),
    output: most === 0 ? 0 : Math.ceil(estimates.expectedOutput(learnt, most)),
    worstNanoUsd: worstOf(call, route, target, estimates, learnt, most),
  };
}

export function learntUnder(route: string, target: Target): string {
  return `${route}|${target.name}`;
}

/** Tokens that the answers to a request may have together. */
export function mostOutput(facts: Facts, { model }: Target): number {
  if (facts.operation !== 'chat') return 0;
  return (facts.maxOutputTokens ?? model.maxOutputTokens ?? unknownMostOutput) * (facts.choices ?? 1);
}

function worstOf(
  call: Call,
  route: Route,
  target: Target,
  estimates: Calibration,
  learnt: string,
  most: number,
): number {
  const { model } = target;
  const { facts, bodyBytes } = call;
  const { price, serviceTier } = dearest(target, facts);
  if (price === undefined) return 0;
  const bytes = facts.media === true ? undefined : bodyBytes;
  if (route.reserve === 'expected') {
    const input = estimates.boundInput(model.id, facts.inputTokens, bytes);
    const output = most === 0 ? 0 : estimates.percentile95Output(learnt, most);
    return worstCost(price, Math.ceil(input), Math.ceil(output), serviceTier);
  }
  // A token is at least one byte of the text that it stands for, so the body’s size is a bound that no tokeniser breaks. Media have no
  // such bound; for them it is what was learnt.
  const input = bytes ?? Math.ceil(estimates.boundInput(model.id, facts.inputTokens));
  return worstCost(price, input + (facts.needs.includes('tools') ? hiddenToolPrompt : 0), most, serviceTier);
}

/** A provider may serve what asked for flex as it serves anything else, and bills it so. The caller’s own tier is not sent there. */
function dearest(
  { mode, price, listPrice }: Target,
  facts: Facts,
): Pick<Target, 'price'> & Pick<Facts, 'serviceTier'> {
  if (mode !== 'flex') return present({ price, serviceTier: facts.serviceTier });
  return present({ price: price === undefined ? undefined : (listPrice ?? price) });
}

export function amountOf(measure: Measure, input: number, output: number): number {
  switch (measure) {
    case 'requests':
      return 1;
    case 'input':
      return input;
    case 'output':
      return output;
    case 'tokens':
      return input + output;
  }
}

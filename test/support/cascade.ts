/** Answers, labels and chance for tests of cascades. */
import type { Answer } from '../../src/core/answer.ts';
import type { StopKind, TokenLogprob } from '../../src/core/event.ts';
import type { Cascade } from '../../src/router/cascade/contract.ts';
import type { Label } from '../../src/stores/routing/contract.ts';
import { route, target } from './router.ts';

export function answerOf(text: string, stop: StopKind = 'end'): Answer {
  return { id: 'a', model: 'm', choices: [{ blocks: [{ type: 'text', text }], stop: { kind: stop } }] };
}

export function callOf(name: string, args: string): Answer {
  const block = { type: 'tool-call' as const, id: 'c1', name, kind: 'function' as const, arguments: args };
  return { id: 'a', model: 'm', choices: [{ blocks: [block], stop: { kind: 'tool' } }] };
}

export function probableOf(...probabilities: readonly number[]): Answer {
  const logprobs: TokenLogprob[] = probabilities.map((one) => ({
    token: 'x',
    logprob: Math.log(one),
    top: [],
  }));
  const [choice] = answerOf('some words').choices;
  return {
    id: 'a',
    model: 'm',
    choices: [{ blocks: choice?.blocks ?? [], stop: { kind: 'end' }, logprobs }],
  };
}

export function cascadeOf(overrides: Partial<Cascade> = {}): Cascade {
  return {
    confidence: { from: 'field', field: 'confidence' },
    accept: { kind: 'fixed', confidence: 0.85 },
    schema: true,
    escalate: route([target('strong/one')]).chain,
    auditShare: 0.1,
    calibrateAfter: 200,
    ...overrides,
  };
}

export function labelOf(overrides: Partial<Label> & Pick<Label, 'id'>): Label {
  return {
    route: 'classify',
    atMs: 1,
    kind: 'audit',
    cheap: 'cheap/one',
    strong: 'strong/one',
    agreed: true,
    cheapNanoUsd: 10,
    strongNanoUsd: 100,
    ...overrides,
  };
}

/** Mulberry32: the same numbers on every machine. */
export function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How a route scores the complexity of its requests, as a user writes it. */
import { z } from 'zod';
import { present } from '../../core/present.ts';
import type { ComplexityPolicy, PartName } from '../../router/complexity/contract.ts';
import { count } from '../units.ts';

const weight = z.number().min(0).max(10).optional();

/** One for each part, so that a misspelt name is told with the one that was probably meant. */
const weights = z.strictObject({
  length: weight.describe('Words of what the user asks. Usually 0.36.'),
  variety: weight.describe('Different words. Usually 0.2.'),
  structure: weight.describe('Sentences, clauses and lines. Usually 0.1.'),
  relations: weight.describe('Words such as if, each, than, remaining. Usually 0.08.'),
  constraints: weight.describe('Words such as must, only, except, exactly. Usually 0.05.'),
  reasoning: weight.describe('Words such as why, prove, derive, compare. Usually 0.05.'),
  numbers: weight.describe('Numbers. Usually 0.06.'),
  math: weight.describe('Signs of mathematics. Usually 0.04.'),
  code: weight.describe('Braces and indented lines. Usually 0.02.'),
  questions: weight.describe('Several questions at once. Usually 0.01.'),
  conversation: weight.describe('Turns before this one. Usually 0.02.'),
  tools: weight.describe('Tools that it may use. Usually 0.01.'),
} satisfies Record<PartName, z.ZodType>);

export const complexity = z
  .strictObject({
    chars: count
      .prefault(500)
      .describe('Most characters of a request that are read for its score, from its start and its end.'),
    weights: weights.prefault({}).describe('Weights of the parts of the score, over the usual ones.'),
    scorer: z
      .enum(['heuristic', 'trained'])
      .default('heuristic')
      .describe('trained: by what intermodal train has learnt of this route, once that has proved better.'),
  })
  .prefault({})
  .describe('How hard requests look, for rules on complexity.');

export function makeComplexity(written: z.output<typeof complexity>): ComplexityPolicy {
  const { chars, weights, scorer } = written;
  return { mostChars: chars, weights: present(weights), scorer };
}

/** How a route scores the complexity of its requests, as a user writes it. */
import { z } from 'zod';
import { present } from '../../core/present.ts';
import type { ComplexityPolicy } from '../../router/complexity/contract.ts';
import { count } from '../units.ts';

export const complexity = z
  .strictObject({
    chars: count
      .prefault('4k')
      .describe('Most characters of a request that are read for its score, from its start and its end.'),
    weights: z
      .record(z.string(), z.number().min(0).max(10))
      .default({})
      .describe('Weights of the parts of the score, over the usual ones.'),
    scorer: z
      .enum(['heuristic', 'trained'])
      .default('heuristic')
      .describe('trained: by what intermodal train has learnt of this route, once that has proved better.'),
    classifier: z
      .string()
      .optional()
      .describe('A cheap target that is asked how hard each request is; it costs a call.'),
  })
  .prefault({})
  .describe('How hard requests look, for rules on complexity.');

export function makeComplexity(written: z.output<typeof complexity>): ComplexityPolicy {
  const { chars, weights, scorer, classifier } = written;
  return { mostChars: chars, weights, scorer, ...present({ classifier }) };
}

/** The scorer that a route's own labels have taught. */
import type { Complexity, ComplexityPolicy, Prompt, Scorer } from './contract.ts';
import { heuristicOf } from './heuristic.ts';
import { type Model, ModelReader, scoreOf } from './model.ts';
import { Scan } from './scan.ts';

/**
 * The score is about the share of the prompts that it learnt from which are worth less at the strong model: a rule at 0.7 takes some 30 % of like
 * traffic. Its parts are what was learnt and the heuristic, weighted by how familiar the prompt is.
 */
export function createTrained(name: string, model: Model, weights: ComplexityPolicy['weights'] = {}): Scorer {
  const scan = new Scan();
  const reader = new ModelReader(model);
  return {
    name,
    score(prompt: Prompt): Complexity {
      scan.read(prompt);
      const reading = reader.read(scan.measures, scan.buckets, scan.bucketsUsed);
      const { score, learnt, heuristic, familiar } = scoreOf(
        model,
        reading,
        heuristicOf(scan.measures, weights).score,
      );
      const parts = [
        { name: 'learnt', value: learnt, weight: familiar },
        { name: 'heuristic', value: heuristic, weight: 1 - familiar },
      ];
      return { score, parts, scorer: name };
    },
  };
}

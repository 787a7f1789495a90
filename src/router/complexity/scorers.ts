/** Who scores the requests of each route. */
import type { Route } from '../contract.ts';
import type { ComplexityPolicy, Scorer } from './contract.ts';
import { createHeuristic } from './heuristic.ts';

export class Scorers {
  /** By the policy of a route: gone with it when the config is loaded anew. */
  readonly #heuristics = new WeakMap<ComplexityPolicy, Scorer>();

  readonly of = (route: Route): Scorer => {
    const { complexity } = route;
    let scorer = this.#heuristics.get(complexity);
    if (scorer === undefined) {
      scorer = createHeuristic(complexity.weights);
      this.#heuristics.set(complexity, scorer);
    }
    return scorer;
  };
}

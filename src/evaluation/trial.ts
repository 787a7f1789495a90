/** One training of a route's scorer: learnt from most of the labels, judged on the rest, and only then learnt from all. */
import type { Random } from '../core/clock.ts';
import type { Model } from '../router/complexity/model.ts';
import type { Figures } from '../router/complexity/stored.ts';
import { shuffled, train } from '../router/complexity/train.ts';
import { apgr, beats, measure, winInterval } from './compare.ts';
import { byHeuristic, byLearning, byLength, exampleOf, type Sample } from './routers.ts';

/** Fewer labels than this gained nothing for sure on labelled sets. */
export const leastLabels = 300;
const heldOutShare = 0.3;

export type TrialResult =
  /** The strong model was never better on the labels held out, so no order of them is better than another. */
  | { readonly kind: 'no-gap'; readonly heldOut: number }
  | {
      readonly kind: 'judged';
      readonly heldOut: number;
      readonly figures: Figures;
      /** Better than the heuristic by more than chance, on labels that it had not learnt from. */
      readonly wins: boolean;
      /** Learnt from all labels. */
      readonly model: Model;
    };

export function runTrial(samples: readonly Sample[], random: Random): TrialResult {
  const mixed = shuffled(samples, random);
  const heldOut = Math.ceil(mixed.length * heldOutShare);
  const test = mixed.slice(0, heldOut);
  const training = mixed.slice(heldOut);
  const learned = measure(byLearning(training, random), test);
  const heuristic = measure(byHeuristic(training), test);
  const length = measure(byLength(training), test);
  const interval = winInterval(learned, heuristic, random);
  const [a, b, c] = [apgr(learned), apgr(heuristic), apgr(length)];
  if (interval === undefined || a === undefined || b === undefined || c === undefined)
    return { kind: 'no-gap', heldOut };
  return {
    kind: 'judged',
    heldOut,
    figures: { learned: a, heuristic: b, length: c, ...interval },
    wins: beats(learned, interval),
    model: train(samples.map(exampleOf), random),
  };
}

/** Learnt from one task and tested on another: what becomes of a route’s scorer when its traffic changes. */
import { seededRandom } from '../../src/cli/eval/seeded.ts';
import type { Interval } from '../../src/evaluation/bootstrap.ts';
import { apgr, apgrInterval, measure } from '../../src/evaluation/compare.ts';
import { byHeuristic, byLearning } from '../../src/evaluation/routers.ts';
import { winOf } from '../../src/evaluation/verdict.ts';
import { shuffled } from '../../src/router/complexity/train.ts';
import { type SetName, samplesFrom } from './data.ts';

export interface Transfer {
  readonly name: string;
  readonly learned: number;
  readonly interval: Interval | undefined;
  readonly heuristic: number;
  /** What `eval` says of it. */
  readonly use: boolean;
}

/** As many as in domain. */
const mostLabels = 1_500;

export function transfer(name: string, from: SetName, to: SetName): Transfer {
  const random = seededRandom(1);
  const training = shuffled(samplesFrom(from), random).slice(0, mostLabels);
  const test = samplesFrom(to);
  const learned = measure(byLearning(training, random), test);
  return {
    name,
    learned: apgr(learned) ?? 0,
    interval: apgrInterval(learned, random),
    heuristic: apgr(measure(byHeuristic(training), test)) ?? 0,
    use: winOf([{ training, test }], random)?.use ?? false,
  };
}

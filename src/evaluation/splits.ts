/** Which labels are learnt from and which are tested on. */
import type { Random } from '../core/clock.ts';
import { shuffled } from '../router/complexity/train.ts';
import type { Split } from './compare.ts';
import type { Sample } from './routers.ts';

/** Each sample is tested on once. */
export function folded(samples: readonly Sample[], folds: number, random: Random): readonly Split[] {
  const mixed = shuffled(samples, random);
  return Array.from({ length: folds }, (_, fold) => ({
    training: mixed.filter((_one, at) => at % folds !== fold),
    test: mixed.filter((_one, at) => at % folds === fold),
  }));
}

/** So many labels are learnt from and all others tested on, `times` over. */
export function drawnSplits(
  samples: readonly Sample[],
  labels: number,
  times: number,
  random: Random,
): readonly Split[] {
  return Array.from({ length: times }, () => {
    const mixed = shuffled(samples, random);
    return { training: mixed.slice(0, labels), test: mixed.slice(labels) };
  });
}

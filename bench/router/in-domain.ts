/** Learnt from some labels of a task, tested on all its others. Nothing of the test is known before, and nothing was chosen by it. */
import { seededRandom } from '../../src/cli/eval/seeded.ts';
import { compare, type Row } from '../../src/evaluation/compare.ts';
import { drawnSplits } from '../../src/evaluation/splits.ts';
import { type SetName, samplesFrom } from './data.ts';

export interface InDomain {
  readonly name: string;
  readonly set: SetName;
  readonly labels: number;
  readonly seeds: number;
}

export function inDomain({ set, labels, seeds }: InDomain): readonly Row[] {
  const random = seededRandom(1);
  const splits = drawnSplits(samplesFrom(set), labels, seeds, random);
  const clockUs = (): number => performance.now() * 1000;
  return compare(splits, { priceRatio: 12, share: 0.3, opinion: 0, clockUs }, random);
}

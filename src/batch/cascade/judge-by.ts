/** How a route's cascade judges first answers now. */
import { agreementOf, comparedField } from '../../router/cascade/agreement.ts';
import { readConfidence } from '../../router/cascade/confidence.ts';
import type { Cascade } from '../../router/cascade/contract.ts';
import { judgeAnswer } from '../../router/cascade/judge.ts';
import { readJudgement } from '../../router/cascade/opinion.ts';
import { finishOf } from '../../router/cascade/words.ts';
import type { BatchWorldInside } from '../world.ts';
import type { Judge } from './after-answer.ts';

export function judgeBy(
  { cascades }: Pick<BatchWorldInside, 'cascades'>,
  route: string,
  cascade: Cascade,
): Judge {
  const { confidence } = cascade;
  return {
    own: (first) => readConfidence(confidence, first),
    others(first, said) {
      if (confidence.from === 'judge') return readJudgement(said);
      return agreementOf([first, said], comparedField(cascade));
    },
    verdict(first, formOk, raw) {
      const { threshold, calibration } = cascades.thresholds.of(route, cascade);
      return judgeAnswer(cascade, threshold, calibration, { raw, formOk, finish: finishOf(first) });
    },
  };
}

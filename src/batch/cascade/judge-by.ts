/** How a route's cascade judges first answers now. */
import type { Answer } from '../../core/answer.ts';
import type { StopKind } from '../../core/event.ts';
import { agreementOf } from '../../router/cascade/agreement.ts';
import { readConfidence } from '../../router/cascade/confidence.ts';
import type { Cascade } from '../../router/cascade/contract.ts';
import { judgeAnswer } from '../../router/cascade/judge.ts';
import { readJudgement } from '../../router/cascade/opinion.ts';
import { isFinished } from '../../router/cascade/words.ts';
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
      return agreementOf([first, said], confidence.from === 'agreement' ? confidence.field : undefined);
    },
    verdict(first, formOk, raw) {
      const { threshold, calibration } = cascades.thresholds.of(route, cascade);
      return judgeAnswer(cascade, threshold, calibration, { raw, formOk, finish: finishOf(first) });
    },
  };
}

/** Of several answers, how the one ended that did not come to its end. */
export function finishOf({ choices }: Answer): StopKind {
  const stops = choices.map(({ stop }) => stop.kind);
  return stops.find((stop) => !isFinished(stop)) ?? stops[0] ?? 'other';
}

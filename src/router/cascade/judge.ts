/** Whether a cheap answer is given out. Pure: one table for single requests, streams and items of batches. */
import type { StopKind } from '../../core/event.ts';
import { present } from '../../core/present.ts';
import type { Calibration } from './calibration.ts';
import type { Cascade, CascadeVerdict } from './contract.ts';
import { isFinished } from './words.ts';

export interface Judged {
  /** The confidence as its source gives it; absent: it could not be read. */
  readonly raw?: number | undefined;
  /** It has the form that the request asks for. */
  readonly formOk: boolean;
  /** How it ended; of several choices the worst. */
  readonly finish: StopKind;
}

/**
 * A fixed threshold is a probability, and is held against the calibrated one where there is one; the others were learnt on raw scores and are
 * held against those.
 */
export function judgeAnswer(
  cascade: Pick<Cascade, 'accept' | 'schema'>,
  threshold: number,
  calibration: Calibration | undefined,
  { raw, formOk, finish }: Judged,
): CascadeVerdict {
  const confidence = raw === undefined ? undefined : calibration?.confidenceOf(raw);
  const score = cascade.accept.kind === 'fixed' ? (confidence ?? raw) : raw;
  const why = whyNot();
  return { accepted: why === undefined, threshold, ...present({ raw, confidence, why }) };

  function whyNot(): CascadeVerdict['why'] {
    if (!isFinished(finish)) return 'unfinished';
    if (cascade.schema && !formOk) return 'schema';
    if (score === undefined) return 'unreadable';
    return score >= threshold ? undefined : 'confidence';
  }
}

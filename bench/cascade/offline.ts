/**
 * The judging of cascades on real answers, by the gateway's own functions: how well agreement ranks them, whether a conformal threshold keeps
 * its promise, what 200 labels make of a raw score.
 */
import { calibrate, calibrationError } from '../../src/router/cascade/calibration.ts';
import { conformalThreshold } from '../../src/router/cascade/conformal.ts';
import type { Scored } from '../../src/router/cascade/scored.ts';
import { chanceOf } from '../../test/support/cascade.ts';
import type { Asked } from './answers.ts';
import { type Curve, curveOf, shuffled } from './curve.ts';

const folds = 5;
/** Between two scores that a calibration makes equal, the raw one still tells them apart. */
const tie = 1e-6;

/** Each fold ranked by what was learnt from the others: the mean over folds. */
export function rankFolds(asked: readonly Asked[]): Curve {
  const mixed = shuffled(asked, chanceOf(1));
  const curves = Array.from({ length: folds }, (_, fold) => {
    const isIn = (_one: Asked, index: number): boolean => index % folds === fold;
    return curveOf(
      scoredBy(
        mixed.filter((one, index) => !isIn(one, index)),
        mixed.filter(isIn),
      ),
    );
  });
  const mean = (read: (curve: Curve) => number): number =>
    curves.reduce((sum, curve) => sum + read(curve), 0) / curves.length;
  return {
    apgr: mean(({ apgr }) => apgr),
    cheap: mean(({ cheap }) => cheap),
    strong: mean(({ strong }) => strong),
    atQuarter: mean(({ atQuarter }) => atQuarter),
  };
}

/** All ranked together, each benchmark by what was learnt from the other alone. A route would not do that: it learns from itself. */
export function rankAcross(asked: readonly Asked[]): Curve {
  const benches = [...new Set(asked.map(({ bench }) => bench))];
  return curveOf(
    benches.flatMap((own) =>
      scoredBy(
        asked.filter(({ bench }) => bench !== own),
        asked.filter(({ bench }) => bench === own),
      ),
    ),
  );
}

function scoredBy(labels: readonly Asked[], asked: readonly Asked[]) {
  const learnt = calibrate(scoredOf(labels));
  return asked.map((one) => {
    const raw = one.raw ?? -1;
    return { ...one, score: (learnt?.confidenceOf(raw) ?? raw) + tie * raw };
  });
}

/** Without any learning: by the raw score. */
export const rankRaw = (asked: readonly Asked[]): Curve =>
  curveOf(asked.map((one) => ({ ...one, score: one.raw ?? -1 })));

export interface Kept {
  readonly broken: number;
  readonly draws: number;
  readonly escalated: number;
  readonly regret: number;
}

/**
 * As the gateway learns: answers that its first threshold accepts are audited until there are so many, and those that it escalates meanwhile are labels
 * too. The rest is what the threshold is held to. `truth`: a label says whether the strong model alone was right; else only whether both agree.
 */
export function keepPromise(
  asked: readonly Asked[],
  { draws, audits, truth }: { readonly draws: number; readonly audits: number; readonly truth: boolean },
): Kept {
  const chance = chanceOf(2);
  const accepts = { regret: 0.02, risk: 0.1 };
  let broken = 0;
  let escalated = 0;
  let regret = 0;
  for (let draw = 0; draw < draws; draw++) {
    const mixed = shuffled(asked, chance);
    let accepted = 0;
    const end = mixed.findIndex(({ raw = 0 }) => {
      if (raw >= 0.85) accepted += 1;
      return accepted === audits;
    });
    const labels = mixed.slice(0, end + 1).map((one) => ({
      agreed: truth ? !isRegretted(one) : one.agreed,
      ...(one.raw === undefined ? {} : { raw: one.raw }),
    }));
    const threshold = conformalThreshold(labels, accepts) ?? 0.85;
    const rest = mixed.slice(end + 1);
    const given = rest.filter(({ raw }) => raw !== undefined && raw >= threshold);
    const regretted = given.filter(isRegretted).length / rest.length;
    if (regretted > accepts.regret) broken += 1;
    escalated += (1 - given.length / rest.length) / draws;
    regret += regretted / draws;
  }
  return { broken, draws, escalated, regret };
}

/** Mean expected calibration error on fresh answers, after so many labels. */
export function calibrated(asked: readonly Asked[], draws: number, labels: number): number {
  const chance = chanceOf(3);
  let error = 0;
  for (let draw = 0; draw < draws; draw++) {
    const scored = shuffled(scoredOf(asked), chance);
    const learnt = calibrate(scored.slice(0, labels));
    const told = scored
      .slice(labels)
      .map(({ raw, agreed }) => ({ agreed, confidence: learnt?.confidenceOf(raw) ?? raw }));
    error += calibrationError(told) / draws;
  }
  return error;
}

/** By truth: a calibrated confidence is the chance to be right. */
function scoredOf(asked: readonly Asked[]): readonly Scored[] {
  return asked.flatMap(({ raw, cheapRight }) => (raw === undefined ? [] : [{ raw, agreed: cheapRight }]));
}

const isRegretted = ({ strongRight, cheapRight }: Asked): boolean => strongRight && !cheapRight;

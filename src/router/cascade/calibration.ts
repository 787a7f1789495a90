/**
 * What a raw confidence is worth: the share of answers with it that say what the strong model says. Learnt from labels in two ways, by a smooth
 * curve and by steps; the one that tells labels better which it has not seen is taken. Either keeps the order of scores, so a calibration
 * never changes which of two answers is the surer one.
 */
import type { ReliabilityPoint } from './contract.ts';
import { groupsOf, isotonic } from './isotonic.ts';
import { platt } from './platt.ts';
import type { Scored } from './scored.ts';

export interface Calibration {
  readonly method: 'platt' | 'isotonic';
  readonly labels: number;
  /** By raw score, ascending: the reliability curve. */
  readonly points: readonly ReliabilityPoint[];
  confidenceOf(raw: number): number;
}

type Learn = (labels: readonly Scored[]) => (raw: number) => number;

/** `undefined` without labels. */
export function calibrate(labels: readonly Scored[]): Calibration | undefined {
  if (labels.length === 0) return undefined;
  const method = methodFor(labels);
  const points = groupsOf(labels).map(({ sum, agreed, count }) => ({
    raw: sum / count,
    agreed: agreed / count,
    labels: count,
  }));
  return { method, labels: labels.length, points, confidenceOf: methods[method](labels) };
}

const methods: Readonly<Record<Calibration['method'], Learn>> = { platt, isotonic };

function methodFor(labels: readonly Scored[]): Calibration['method'] {
  return lossOf(platt, labels) <= lossOf(isotonic, labels) ? 'platt' : 'isotonic';
}

const folds = 5;
/** A certain miss is not infinitely bad. */
const leastChance = 0.005;

/** Mean log loss on labels that it has not seen. */
function lossOf(learn: Learn, labels: readonly Scored[]): number {
  // In an order of their own, so that chance in how they came decides nothing.
  const sorted = [...labels].sort(
    (one, other) => one.raw - other.raw || Number(one.agreed) - Number(other.agreed),
  );
  const told = unseen(learn, sorted);
  return told.reduce((sum, { confidence, agreed }) => {
    const chance = agreed ? confidence : 1 - confidence;
    return sum - Math.log(Math.max(leastChance, chance)) / told.length;
  }, 0);
}

interface Told {
  readonly confidence: number;
  readonly agreed: boolean;
}

/** What is told of each fifth of the labels by a curve that was learnt from the other four. */
function unseen(learn: Learn, labels: readonly Scored[]): readonly Told[] {
  return Array.from({ length: folds }, (_, fold) => {
    const confidenceOf = learn(labels.filter((_label, index) => index % folds !== fold));
    return labels
      .filter((_label, index) => index % folds === fold)
      .map(({ raw, agreed }) => ({ confidence: confidenceOf(raw), agreed }));
  }).flat();
}

const bins = 10;

/** Expected calibration error: how far confidences lie from the shares that came true, in ten groups of like confidence, weighted by size. */
export function calibrationError(told: readonly Told[]): number {
  const sums = Array.from({ length: bins }, () => ({ confidence: 0, agreed: 0 }));
  for (const { confidence, agreed } of told) {
    const bin = sums[Math.min(bins - 1, Math.floor(confidence * bins))];
    if (bin === undefined) continue;
    bin.confidence += confidence;
    bin.agreed += agreed ? 1 : 0;
  }
  const off = sums.reduce((total, bin) => total + Math.abs(bin.confidence - bin.agreed), 0);
  return told.length === 0 ? 0 : off / told.length;
}

/** Fewer say nothing of an error of a few hundredths. */
const leastHeldOut = 50;

/** The error of a way of calibrating, on labels that it has not seen. `undefined`: too few to say. */
export function heldOutError(
  labels: readonly Scored[],
  method: Calibration['method'] = methodFor(labels),
): number | undefined {
  return labels.length < leastHeldOut ? undefined : calibrationError(unseen(methods[method], labels));
}

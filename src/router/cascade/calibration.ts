/**
 * What a raw confidence is worth: the share of answers with it that say what the strong model says. Learnt from labels by isotonic regression
 * (pool adjacent violators) over groups of some size, so that a handful of labels at the end of the scale does not speak for it; between the
 * groups it is interpolated. It keeps the order of scores, so it never changes which of two answers is the surer one.
 */

/** A label with a confidence that could be read. */
export interface Scored {
  readonly raw: number;
  readonly agreed: boolean;
}

/** One group of labels of like confidence. */
export interface ReliabilityPoint {
  /** The mean of its raw scores. */
  readonly raw: number;
  /** What they are taken to be worth. */
  readonly confidence: number;
  readonly labels: number;
}

export interface Calibration {
  readonly labels: number;
  /** By raw score, ascending; so are the confidences. */
  readonly points: readonly ReliabilityPoint[];
  confidenceOf(raw: number): number;
}

/** A group has at least this share of the labels. */
const leastShare = 1 / 12;
/** Labels that every group is lent at the share of all: a group without a single miss is not worth 1. */
const lent = 1;

/** `undefined` without labels. */
export function calibrate(labels: readonly Scored[]): Calibration | undefined {
  if (labels.length === 0) return undefined;
  const all = shareOf(labels);
  const points = pool(group(labels)).map(({ sum, agreed, count }) => ({
    raw: sum / count,
    confidence: (agreed + lent * all) / (count + lent),
    labels: count,
  }));
  return { labels: labels.length, points, confidenceOf: (raw) => interpolate(points, raw) };
}

interface Group {
  /** Of raw scores. */
  readonly sum: number;
  readonly agreed: number;
  readonly count: number;
}

/** Labels in order of their score, cut into groups; those of one score are never parted. */
function group(labels: readonly Scored[]): readonly Group[] {
  const sorted = [...labels].sort((one, other) => one.raw - other.raw);
  const least = Math.max(1, Math.floor(sorted.length * leastShare));
  const groups: Group[] = [];
  let sum = 0;
  let agreed = 0;
  let count = 0;
  sorted.forEach((label, index) => {
    sum += label.raw;
    agreed += label.agreed ? 1 : 0;
    count += 1;
    if (sorted[index + 1]?.raw === label.raw) return;
    // A score that many share stands for itself.
    const next = countOf(sorted, index + 1);
    if (count < least && next < least && index + 1 < sorted.length) return;
    groups.push({ sum, agreed, count });
    sum = agreed = count = 0;
  });
  return groups;
}

/** How many have the score of the one at an index. */
function countOf(sorted: readonly Scored[], start: number): number {
  const raw = sorted[start]?.raw;
  let end = start;
  while (end < sorted.length && sorted[end]?.raw === raw) end += 1;
  return end - start;
}

/** Groups whose shares fall where their scores rise are taken together. */
function pool(groups: readonly Group[]): readonly Group[] {
  const pooled: Group[] = [];
  for (const one of groups) {
    let last = one;
    for (;;) {
      const before = pooled.at(-1);
      if (before === undefined || before.agreed / before.count < last.agreed / last.count) break;
      pooled.pop();
      last = {
        sum: before.sum + last.sum,
        agreed: before.agreed + last.agreed,
        count: before.count + last.count,
      };
    }
    pooled.push(last);
  }
  return pooled;
}

function interpolate(points: readonly ReliabilityPoint[], raw: number): number {
  let below = points[0];
  if (below === undefined) return raw;
  for (const point of points) {
    if (point.raw >= raw) {
      const width = point.raw - below.raw;
      const part = width <= 0 || raw <= below.raw ? 0 : (raw - below.raw) / width;
      return point.raw === below.raw
        ? point.confidence
        : below.confidence + part * (point.confidence - below.confidence);
    }
    below = point;
  }
  return below.confidence;
}

const bins = 10;

/** Expected calibration error: how far confidences lie from the shares that came true, in ten groups of like confidence, weighted by size. */
export function calibrationError(
  told: readonly { readonly confidence: number; readonly agreed: boolean }[],
): number {
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

const folds = 5;

/** The error on labels that a calibration has not seen: each fifth by the other four. `undefined`: too few to say. */
export function heldOutError(labels: readonly Scored[]): number | undefined {
  if (labels.length < folds * 10) return undefined;
  const told = Array.from({ length: folds }, (_, fold) => {
    const learnt = calibrate(labels.filter((_label, index) => index % folds !== fold));
    return labels.flatMap(({ raw, agreed }, index) =>
      learnt === undefined || index % folds !== fold
        ? []
        : [{ confidence: learnt.confidenceOf(raw), agreed }],
    );
  });
  return calibrationError(told.flat());
}

function shareOf(labels: readonly Scored[]): number {
  return labels.filter(({ agreed }) => agreed).length / labels.length;
}

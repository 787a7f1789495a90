/**
 * Isotonic regression (pool adjacent violators): the steps that rise with the score and lie nearest to the labels. Over groups of some size, so
 * that a handful of labels at one end of the scale does not speak for it. It takes any shape, and knows a smooth one worse than Platt's two numbers.
 */
import type { Scored } from './scored.ts';

export interface Group {
  readonly least: number;
  readonly most: number;
  /** Of raw scores. */
  readonly sum: number;
  readonly agreed: number;
  readonly count: number;
}

/** A group has at least this share of the labels. */
const leastShare = 1 / 12;
/** Labels that every step is lent at the share of all: one without a single miss is not worth 1. */
const lent = 1;

export function isotonic(labels: readonly Scored[]): (raw: number) => number {
  const all = labels.filter(({ agreed }) => agreed).length / Math.max(1, labels.length);
  const steps = pool(groupsOf(labels)).map(({ least, most, agreed, count }) => ({
    least,
    most,
    confidence: (agreed + lent * all) / (count + lent),
  }));
  return (raw) => {
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index];
      const next = steps[index + 1];
      // Between two steps nobody knows; each has half of the gap.
      if (step !== undefined && (next === undefined || raw <= (step.most + next.least) / 2))
        return step.confidence;
    }
    return raw;
  };
}

/** Labels in order of their score, cut into groups; those of one score are never parted. */
export function groupsOf(labels: readonly Scored[]): readonly Group[] {
  const sorted = [...labels].sort((one, other) => one.raw - other.raw);
  const enough = Math.max(1, Math.floor(sorted.length * leastShare));
  const groups: Group[] = [];
  let open: Scored[] = [];
  for (const [index, label] of sorted.entries()) {
    open.push(label);
    const next = sorted[index + 1]?.raw;
    if (next === label.raw) continue;
    const left = sorted.length - index - 1;
    if (open.length < enough && next !== undefined && !isCrowd(sorted, index + 1, enough)) continue;
    // What is left at the end and too small for a group of its own goes with the last, unless it is far away from it.
    if (left > 0 && left < enough / 2 && next !== undefined && next - label.raw < 0.1) continue;
    groups.push(groupOf(open));
    open = [];
  }
  return groups;
}

/** Many share one score, which stands for itself. */
function isCrowd(sorted: readonly Scored[], start: number, enough: number): boolean {
  const raw = sorted[start]?.raw;
  return raw !== undefined && sorted[start + enough - 1]?.raw === raw;
}

function groupOf(labels: readonly Scored[]): Group {
  return {
    least: labels[0]?.raw ?? 0,
    most: labels.at(-1)?.raw ?? 0,
    sum: labels.reduce((sum, { raw }) => sum + raw, 0),
    agreed: labels.filter(({ agreed }) => agreed).length,
    count: labels.length,
  };
}

/** Groups whose shares fall where their scores rise are taken together. */
function pool(groups: readonly Group[]): readonly Group[] {
  const pooled: Group[] = [];
  for (const one of groups) {
    let last = one;
    for (let before = pooled.at(-1); before !== undefined; before = pooled.at(-1)) {
      if (before.agreed / before.count < last.agreed / last.count) break;
      pooled.pop();
      last = {
        least: before.least,
        most: last.most,
        sum: before.sum + last.sum,
        agreed: before.agreed + last.agreed,
        count: before.count + last.count,
      };
    }
    pooled.push(last);
  }
  return pooled;
}

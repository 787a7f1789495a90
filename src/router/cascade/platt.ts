/**
 * Platt's scaling: a logistic curve over the log odds of the score, two numbers learnt by Newton's method. It is near the truth with few labels
 * where the scale is bent smoothly, as that of a model that is too sure of itself.
 */
import type { Scored } from './scored.ts';

/** Scores at the very ends have no odds; a model that says 1 is not infinitely sure. */
const end = 0.01;
/** Holds the slope near 1, that of a score which is right as it is, where the labels say little. */
const ridge = 1;
const mostSteps = 50;

export function platt(labels: readonly Scored[]): (raw: number) => number {
  const odds = labels.map(({ raw }) => oddsOf(raw));
  const agreed = labels.filter((label) => label.agreed).length;
  // Platt's targets: a label more on either side, so that labels that part cleanly do not drive the slope to infinity.
  const yes = (agreed + 1) / (agreed + 2);
  const no = 1 / (labels.length - agreed + 2);
  let slope = 1;
  let shift = 0;
  for (let step = 0; step < mostSteps; step++) {
    const gradient = { slope: ridge * (slope - 1), shift: 0 };
    const curve = { slope: ridge, both: 0, shift: 1e-9 };
    for (let index = 0; index < odds.length; index++) {
      const x = odds[index] ?? 0;
      const told = logistic(slope * x + shift);
      const off = told - (labels[index]?.agreed === true ? yes : no);
      const weight = told * (1 - told);
      gradient.slope += off * x;
      gradient.shift += off;
      curve.slope += weight * x * x;
      curve.both += weight * x;
      curve.shift += weight;
    }
    const determinant = curve.slope * curve.shift - curve.both ** 2;
    const bySlope = (curve.shift * gradient.slope - curve.both * gradient.shift) / determinant;
    const byShift = (curve.slope * gradient.shift - curve.both * gradient.slope) / determinant;
    if (!Number.isFinite(bySlope) || !Number.isFinite(byShift)) break;
    slope -= bySlope;
    shift -= byShift;
    if (Math.abs(bySlope) + Math.abs(byShift) < 1e-8) break;
  }
  // A score never counts against itself: at worst it says nothing.
  const risen = Math.max(0, slope);
  return (raw) => logistic(risen * oddsOf(raw) + shift);
}

function oddsOf(raw: number): number {
  const inside = Math.min(1 - end, Math.max(end, raw));
  return Math.log(inside / (1 - inside));
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

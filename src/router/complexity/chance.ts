/** A value as a chance: logistic regression on it alone (Platt), by Newton’s method. */
import { logistic } from './model.ts';

const mostSteps = 50;
/** As if so many more examples of either kind had been seen, so that few labels do not give certainty. */
const prior = 1;

export function fitChance(
  values: readonly number[],
  outcomes: readonly number[],
): { readonly slope: number; readonly offset: number } {
  const positive = outcomes.reduce((sum, outcome) => sum + outcome, 0);
  const negative = outcomes.length - positive;
  const high = (positive + prior) / (positive + 2 * prior);
  const low = prior / (negative + 2 * prior);
  let slope = 0;
  let offset = Math.log((positive + prior) / (negative + prior));
  for (let step = 0; step < mostSteps; step++) {
    const [bySlope, byOffset, curve] = derivatives(values, outcomes, slope, offset, high, low);
    const { ss, so, oo } = curve;
    const determinant = ss * oo - so * so;
    if (!(determinant > 1e-12)) break;
    const [moveSlope, moveOffset] = [
      (oo * bySlope - so * byOffset) / determinant,
      (ss * byOffset - so * bySlope) / determinant,
    ];
    slope -= moveSlope;
    offset -= moveOffset;
    if (Math.abs(moveSlope) + Math.abs(moveOffset) < 1e-9) break;
  }
  // A value that speaks against what it was made for says nothing.
  return slope > 0 && Number.isFinite(slope + offset)
    ? { slope, offset }
    : { slope: 0, offset: Math.log((positive + prior) / (negative + prior)) };
}

function derivatives(
  values: readonly number[],
  outcomes: readonly number[],
  slope: number,
  offset: number,
  high: number,
  low: number,
): readonly [number, number, { readonly ss: number; readonly so: number; readonly oo: number }] {
  let bySlope = 0;
  let byOffset = 0;
  let [ss, so, oo] = [1e-6, 0, 1e-6];
  for (const [at, value] of values.entries()) {
    const chance = logistic(slope * value + offset);
    const off = chance - (outcomes[at] === 1 ? high : low);
    const weight = chance * (1 - chance);
    bySlope += off * value;
    byOffset += off;
    ss += weight * value * value;
    so += weight * value;
    oo += weight;
  }
  return [bySlope, byOffset, { ss, so, oo }];
}

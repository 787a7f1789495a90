/**
 * Quantiles of a stream of positive numbers that may drift: counts in steps of an eighth of a doubling, old samples fading. Any quantile is right to
 * within a step (9 %) whatever the distribution, adding is a logarithm and two additions, and nothing is allocated after the start.
 */

export interface Histogram {
  add(value: number): void;
  /** `share` in 0..1. 0 while nothing was added. */
  quantile(share: number): number;
}

const stepsPerDoubling = 8;
/** Fading is done by letting new samples weigh more; rescaled long before a double overflows. */
const heaviest = 1e100;

/** Values outside `least` to `most` count as the edge. A new sample weighs `weight` of all that are remembered, once there are many. */
export function createHistogram(least: number, most: number, weight: number): Histogram {
  const origin = Math.log2(least) * stepsPerDoubling;
  const counts = new Float64Array(Math.ceil(Math.log2(most) * stepsPerDoubling - origin) + 1);
  const growth = 1 / (1 - weight);
  let increment = 1;
  let total = 0;

  function rescale(): void {
    for (let index = 0; index < counts.length; index++) counts[index] = (counts[index] ?? 0) / increment;
    total /= increment;
    increment = 1;
  }

  return {
    add(value) {
      const bounded = Math.min(Math.max(value, least), most);
      const index = Math.floor(Math.log2(bounded) * stepsPerDoubling - origin);
      increment *= growth;
      counts[index] = (counts[index] ?? 0) + increment;
      total += increment;
      if (increment > heaviest) rescale();
    },
    quantile(share) {
      let above = total * (1 - share);
      // From the top, where the quantiles that are asked for lie.
      for (let index = counts.length - 1; index >= 0; index--) {
        const count = counts[index] ?? 0;
        if (count === 0 || count < above) {
          above -= count;
          continue;
        }
        return 2 ** ((origin + index + 1 - above / count) / stepsPerDoubling);
      }
      return 0;
    },
  };
}

/** How sure a figure is: the spread of it over samples drawn again from the same prompts. */
import type { Random } from '../core/clock.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** So that the 95 % ends are the mean of several draws each. */
export const usualDraws = 200;

/**
 * The 95 % interval of a figure of some of `count` things. `figure` is given the places of what was drawn, and answers `undefined` where the draw has
 * no such figure; those draws do not count.
 */
export function bootstrap(
  count: number,
  figure: (drawn: readonly number[]) => number | undefined,
  random: Random,
  draws: number = usualDraws,
): Interval | undefined {
  const figures: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const drawn = Array.from({ length: count }, () => Math.floor(random() * count));
    const value = figure(drawn);
    if (value !== undefined) figures.push(value);
  }
  if (figures.length < draws / 2) return undefined;
  figures.sort((a, b) => a - b);
  const at = (share: number): number => figures[Math.round(share * (figures.length - 1))] ?? 0;
  return { low: at(0.025), high: at(0.975) };
}

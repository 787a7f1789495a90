/** Quality against the share of strong calls, escalating the least sure first: APGR as in the RouteLLM paper (0 always cheap, 1 always strong, 0.5 at random). */
import type { Asked } from './answers.ts';

export interface Curve {
  readonly apgr: number;
  readonly cheap: number;
  readonly strong: number;
  /** The best accuracy with at most a quarter of strong calls. */
  readonly atQuarter: number;
}

/** `score`: the surer, the higher; questions of one score escalate together. */
export function curveOf(asked: readonly (Asked & { readonly score: number })[]): Curve {
  const count = asked.length;
  const cheap = asked.filter(({ cheapRight }) => cheapRight).length / count;
  const strong = asked.filter(({ strongRight }) => strongRight).length / count;
  const groups = [...Map.groupBy(asked, ({ score }) => score)].sort(([one], [other]) => one - other);
  let right = cheap;
  let escalated = 0;
  let area = 0;
  let atQuarter = cheap;
  for (const [, group] of groups) {
    const gained =
      group.reduce((sum, one) => sum + Number(one.strongRight) - Number(one.cheapRight), 0) / count;
    area += ((2 * (right - cheap) + gained) / 2) * (group.length / count);
    right += gained;
    escalated += group.length;
    if (escalated / count <= 0.25) atQuarter = Math.max(atQuarter, right);
  }
  return { apgr: area / (strong - cheap), cheap, strong, atQuarter };
}

/** A fair shuffle by numbers that are the same on every machine. */
export function shuffled<T>(list: readonly T[], chance: () => number): readonly T[] {
  const mixed = [...list];
  for (let last = mixed.length - 1; last > 0; last--) {
    const at = Math.floor(chance() * (last + 1));
    const [one, other] = [mixed[at], mixed[last]];
    if (one === undefined || other === undefined) break;
    mixed[at] = other;
    mixed[last] = one;
  }
  return mixed;
}

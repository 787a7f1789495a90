/**
 * How good an order of prompts is, by which some go to a strong model and the others to a weak one. All are of the RouteLLM paper (Ong et al.,
 * 2024, https://arxiv.org/abs/2406.18665) or of every textbook; a tie is a stretch of the order that is taken in even parts, so that no order
 * gains or loses by how a sort treats equals.
 */

/** What both models came to on one prompt. */
export interface Outcome {
  readonly weak: boolean;
  readonly strong: boolean;
}

/** A point of the curve: with this share of calls to the strong model, this much of the gap between the two is won. */
export interface CurvePoint {
  readonly share: number;
  /** 0: as the weak model alone; 1: as the strong one alone. Both may be passed, since at times the weak one alone is right. */
  readonly recovered: number;
}

/** What the strong model is worth on a prompt. */
export const worthOf = ({ weak, strong }: Outcome): number => Number(strong) - Number(weak);

/** `undefined` where the strong model is no better: there is no gap to recover. */
export function curveOf(
  scores: readonly number[],
  outcomes: readonly Outcome[],
): readonly CurvePoint[] | undefined {
  const gap = outcomes.reduce((sum, outcome) => sum + worthOf(outcome), 0);
  if (gap <= 0) return undefined;
  const order = Array.from(scores, (_, index) => index).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const points: CurvePoint[] = [{ share: 0, recovered: 0 }];
  let won = 0;
  for (let at = 0; at < order.length; at++) {
    const index = order[at] ?? 0;
    const outcome = outcomes[index];
    if (outcome !== undefined) won += worthOf(outcome);
    const next = order[at + 1];
    if (next === undefined || scores[next] !== scores[index])
      points.push({ share: (at + 1) / order.length, recovered: won / gap });
  }
  return points;
}

/** Average performance gap recovered: the area under the curve. Random order has 0.5. */
export function apgrOf(curve: readonly CurvePoint[]): number {
  let area = 0;
  for (let at = 1; at < curve.length; at++) {
    const [from, to] = [curve[at - 1], curve[at]];
    if (from !== undefined && to !== undefined)
      area += ((from.recovered + to.recovered) / 2) * (to.share - from.share);
  }
  return area;
}

/** Call-performance threshold: the least share of strong calls that recovers so much of the gap. */
export function cptOf(curve: readonly CurvePoint[], recovered: number): number {
  for (let at = 1; at < curve.length; at++) {
    const [from, to] = [curve[at - 1], curve[at]];
    if (from === undefined || to === undefined || to.recovered < recovered) continue;
    const rise = to.recovered - from.recovered;
    const part = rise > 0 ? (recovered - from.recovered) / rise : 0;
    return from.share + Math.max(0, part) * (to.share - from.share);
  }
  return 1;
}

/** How likely a prompt of the one kind is scored above one of the other; `undefined` where there is but one kind. */
export function aurocOf(scores: readonly number[], positive: readonly boolean[]): number | undefined {
  const order = Array.from(scores, (_, index) => index).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  const positives = positive.filter(Boolean).length;
  const negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  let ranks = 0;
  for (let at = 0; at < order.length; ) {
    let end = at;
    while (end < order.length && scores[order[end] ?? 0] === scores[order[at] ?? 0]) end += 1;
    const rank = (at + 1 + end) / 2;
    for (let tied = at; tied < end; tied++) if (positive[order[tied] ?? 0] === true) ranks += rank;
    at = end;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

const mostBins = 10;
/** In a bin of fewer, chance alone would look like an error. */
const leastInBin = 30;

/** Expected calibration error: how far chances are from what came of them, over up to ten bins of as many prompts each. */
export function eceOf(chances: readonly number[], positive: readonly boolean[]): number | undefined {
  if (chances.length === 0) return undefined;
  const order = Array.from(chances, (_, index) => index).sort(
    (a, b) => (chances[a] ?? 0) - (chances[b] ?? 0),
  );
  let error = 0;
  const bins = Math.max(1, Math.min(mostBins, Math.floor(chances.length / leastInBin)));
  for (let bin = 0; bin < bins; bin++) {
    const some = order.slice(
      Math.floor((bin * order.length) / bins),
      Math.floor(((bin + 1) * order.length) / bins),
    );
    const said = some.reduce((sum, index) => sum + (chances[index] ?? 0), 0);
    const came = some.reduce((sum, index) => sum + Number(positive[index] ?? false), 0);
    error += Math.abs(said - came) / order.length;
  }
  return error;
}

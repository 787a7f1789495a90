/**
 * Holds a share of escalations, whatever the traffic does: after each answer the threshold rises a little if it was accepted and falls if it
 * was escalated, in the proportion that stands still at the wanted share (a dual step on the constraint). Over n answers the share is off by at
 * most (1 + 2 step) / (step n), for any sequence of scores.
 */

/** Larger follows faster and ranks answers worse; with this one a thousand answers are within 5 points of the share, ten thousand within half a point. */
const step = 0.02;

export function nextThreshold(threshold: number, share: number, escalated: boolean): number {
  const moved = threshold + step * (share - (escalated ? 1 : 0));
  // Just beyond both ends of the scale, where everything is accepted or nothing: further would only take longer to come back.
  return Math.min(1 + step, Math.max(-step, moved));
}

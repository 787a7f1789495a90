/**
 * The least threshold that keeps a promise: of all requests, at most `regret` are given a cheap answer that the strong model would have
 * answered otherwise, with probability 1 - `risk` over the labels it was chosen by.
 *
 * Thresholds are tried from the highest down, each with the exact binomial test (Clopper and Pearson's bound), and the first that fails
 * ends it: since a lower threshold never regrets less, this fixed sequence needs no correction for the many tries (Angelopoulos and others,
 * Learn then Test, 2021). The labels must be a fair sample of the traffic; `fairSample` makes one of what a cascade labels.
 */
import type { Label } from '../../stores/routing/contract.ts';
import type { Scored } from './scored.ts';

/** Nothing is sure enough: everything escalates. */
export const acceptNothing = Number.POSITIVE_INFINITY;

/**
 * Misses that are reckoned with beyond those seen. The test alone speaks of the mean of endless traffic; what is regretted is some traffic, which
 * has its own luck, and no request of it was among the labels.
 */
const lent = 1;

/** `undefined`: there are too few labels to promise anything, even if all agreed. */
export function conformalThreshold(
  labels: readonly Partial<Scored>[],
  { regret, risk }: { readonly regret: number; readonly risk: number },
): number | undefined {
  const most = mostMisses(labels.length, regret, risk);
  if (most < 0) return undefined;
  const scored = labels.flatMap(({ raw, agreed }) => (raw === undefined ? [] : [{ raw, agreed }]));
  scored.sort((one, other) => other.raw - one.raw);
  let threshold = acceptNothing;
  let misses = 0;
  for (let index = 0; index < scored.length; index++) {
    const label = scored[index];
    if (label === undefined) break;
    misses += label.agreed === true ? 0 : 1;
    // Labels of one score are accepted together or not at all.
    if (scored[index + 1]?.raw === label.raw) continue;
    if (misses > most) break;
    threshold = label.raw;
  }
  return threshold;
}

/** The most misses among so many labels that still show less than `regret`; below 0: not even none would. */
function mostMisses(count: number, regret: number, risk: number): number {
  // P(at most k misses) where the true share is just `regret`: if that is unlikely, the true share is smaller.
  let term = (1 - regret) ** count;
  let sum = term;
  let misses = -1;
  while (sum <= risk && misses + 1 < count) {
    misses += 1;
    term *= ((count - misses) / (misses + 1)) * (regret / (1 - regret));
    sum += term;
  }
  return misses - lent;
}

/**
 * A fair sample of a route's traffic. Of accepted answers a share was labelled, of escalated ones all were; so of these the same share is
 * kept, chosen by the label's id, which knows nothing of the answer.
 */
export function fairSample(labels: readonly Label[], auditShare: number): readonly Label[] {
  return labels.filter(({ kind, id }) => kind === 'audit' || placeOf(id) < auditShare);
}

/** An id's own place in [0, 1): FNV-1a, whose upper bits are mixed once more since ids differ in their last letters. */
function placeOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

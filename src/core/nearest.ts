/** The name that was probably meant. */
import { distance } from 'fastest-levenshtein';

/** Names longer than this are not misspellings of ours, and comparing them would cost time that an attacker chooses. */
const longestName = 200;

/** The candidate closest to `name`, if it is close enough to be worth suggesting: a third of its letters may differ. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > longestName) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const away = distanceOf(wanted, candidate.toLowerCase());
    if (away < bestDistance) {
      best = candidate;
      bestDistance = away;
    }
  }
  return best !== undefined && bestDistance <= Math.max(1, Math.floor(Math.max(best.length, name.length) / 3))
    ? best
    : undefined;
}

/** Two neighbours changed about are one slip of the fingers, not two. */
function distanceOf(name: string, candidate: string): number {
  return isSwap(name, candidate) ? 1 : distance(name, candidate);
}

function isSwap(name: string, other: string): boolean {
  if (name.length !== other.length) return false;
  let at = 0;
  while (at < name.length && name[at] === other[at]) at += 1;
  return (
    at + 1 < name.length &&
    name[at] === other[at + 1] &&
    name[at + 1] === other[at] &&
    name.slice(at + 2) === other.slice(at + 2)
  );
}

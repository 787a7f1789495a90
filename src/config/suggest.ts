/** "Did you mean": one sentence for every misspelt name in a config. */
import { nearest } from '../core/nearest.ts';

/** Longer lists would hide the answer they are meant to give. */
const mostShown = 20;

export function suggest(name: string, candidates: readonly string[], what = 'Allowed'): string {
  const guess = nearest(name, candidates);
  if (guess !== undefined) return `Did you mean "${guess}"?`;
  if (candidates.length === 0) return 'There is none.';
  const shown = candidates.slice(0, mostShown).join(', ');
  return `${what}: ${shown}${candidates.length > mostShown ? ', …' : ''}.`;
}

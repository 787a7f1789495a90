/** Which rounds a campaign plays: one for each place that an unbroken batch passes, and more for those that it passes often. */
import type { Break } from './breaking.ts';
import type { Played, Round, Variant } from './campaign.ts';

export const variants: readonly Variant[] = ['whole', 'waves', 'cancel', 'turn', 'expire'];

/** Places that only the second life comes to: it takes up what the first has left. */
const seconds: readonly (readonly [first: string, second: string])[] = [
  ['submit: after the intent', 'adopt: before the look'],
  ['submit: after the intent', 'adopt: after the look'],
  ['submit: after the call', 'adopt: before the look'],
  ['submit: after the call', 'adopt: after the look'],
  ['submit: before the outcome', 'submit: before the outcome'],
  ['submit: after the intent', 'go back: before the items'],
  ['submit: after the intent', 'go back: after the items'],
  ['submit: after the intent', 'release: after the row'],
  ['collect: after the items', 'collect: before the books'],
  ['collect: before the books', 'collect: after the books'],
  ['alone: after the calls', 'alone: after the calls'],
  ['alone: after the items', 'finish: after the outcome'],
];

/** Kills of one batch: its own work is then the smaller part of what it costs. */
const together = 3;

/** `first`: what an unbroken batch of each variant has passed, in the order of its first passings. */
export function roundsOf(first: readonly Played[]): readonly Round[] {
  const rounds: Round[] = [];
  const known = new Set<string>();
  for (const { round, passed } of first) {
    const { variant } = round;
    // What all batches pass alike is broken off in the first variant that passes it.
    const places = Object.keys(passed).filter((place) => !known.has(place) || ofVariant(place));
    for (const place of places) known.add(place);
    const stride = Math.ceil(places.length / together);
    for (const group of places.slice(0, stride).keys()) {
      const breaks = places.filter((_, index) => index % stride === group).map(at);
      rounds.push({ variant, breaks });
    }
    for (const place of places) {
      const passing = (passed[place] ?? 0) - 1;
      if (passing > 1) rounds.push({ variant, breaks: [{ place, passing }] });
    }
  }
  for (const [one, other] of seconds) rounds.push({ variant: 'whole', breaks: [at(one), at(other)] });
  return rounds;
}

const at = (place: string): Break => ({ place, passing: 1 });

/** These do another thing in each. */
const ofVariant = (place: string): boolean => /^(alone|run out|stop|turn): /.test(place);

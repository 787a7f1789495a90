/** What a result line tells of its cascade. */
import { present } from '../../core/present.ts';
import type { Item, Lane } from '../contract.ts';
import type { Provenance } from '../shape/contract.ts';

export function outcomeOf({ cascade, lane }: Item, lanes: readonly Lane[]): Provenance['cascade'] {
  if (cascade === undefined) return undefined;
  return {
    outcome: cascade.outcome ?? 'kept',
    wave: waveOf(lanes, lane),
    ...present({ confidence: cascade.confidence ?? cascade.raw }),
  };
}

/** Lanes of one way follow one another; its first one is that of first answers. */
function waveOf(lanes: readonly Lane[], number: number): number {
  let wave = 1;
  // Ends: a lane that leads to another has a smaller number.
  for (let at = number; ; wave++) {
    const before = lanes.find(({ next }) => next === at);
    if (before === undefined) return wave;
    at = before.lane;
  }
}

/** The way of items under a cascade: the waves that may better their first answers, one lane each. */
import type { Cascade, ConfidenceSource } from '../../router/cascade/contract.ts';
import type { Step } from '../../router/chain/contract.ts';
import type { Lane, LaneRole } from '../contract.ts';
import { withMode } from '../mode.ts';
import type { ItemCall } from '../shape/contract.ts';

/** One wave, before its lane has a number. */
export interface Wave {
  readonly role: LaneRole;
  readonly chain: readonly string[];
}

/** Names of the targets that may serve a call, in order, those of batch APIs first. */
type ChainOf = (steps: readonly Step[], call: ItemCall) => readonly string[];

/** What may better the first answer. None where nothing strong can serve it, or where the strong model answers first. */
export function laterWaves(
  cascade: Cascade | undefined,
  call: ItemCall,
  first: readonly string[],
  by: ChainOf,
): readonly Wave[] {
  if (cascade === undefined || call.facts.operation !== 'chat') return [];
  const strong: Wave = { role: 'strong', chain: by(cascade.escalate, call) };
  const [best] = strong.chain;
  if (best === undefined || withMode(best, 'sync') === withMode(first[0] ?? '', 'sync')) return [];
  // Where nobody can be asked for an opinion, no answer is sure.
  return [...opinionWaves(cascade.confidence, call, by).filter((wave) => wave.chain.length > 0), strong];
}

/** Others are asked one after another, each in a wave of its own. */
function opinionWaves(confidence: ConfidenceSource, call: ItemCall, by: ChainOf): readonly Wave[] {
  switch (confidence.from) {
    case 'field':
    case 'logprobs':
      return [];
    case 'agreement':
      return confidence.with.map((step) => ({ role: 'opinion', chain: by([step], call) }));
    case 'judge': {
      // A judge answers in a few words, whatever the request itself needs.
      const facts = { ...call.facts, needs: [], nativeOnly: false };
      return [{ role: 'judge', chain: by(confidence.by, { ...call, facts }) }];
    }
  }
}

/** A lane and those that follow it. */
export function wavesFrom(lanes: readonly Lane[], first: Lane): readonly Lane[] {
  const waves: Lane[] = [];
  // Ends: a lane's next one has a larger number.
  for (let lane: Lane | undefined = first; lane !== undefined; ) {
    waves.push(lane);
    const { next }: Lane = lane;
    lane = lanes.find((one) => one.lane === next);
  }
  return waves;
}

/** What an item is asked in a lane: what its caller asks, but of a judge, what it thinks of the first answer. */
import { GatewayError } from '../../core/errors.ts';
import { judgeRequest } from '../../router/cascade/opinion.ts';
import type { Item, ItemCall, Lane } from '../contract.ts';
import type { Segments } from '../segments.ts';
import { readNeutral } from './neutral.ts';

/** Throws `unsupported` where there is nothing to judge. */
export async function callIn(
  lane: Lane,
  call: ItemCall,
  item: Pick<Item, 'result' | 'cascade'>,
  segments: Segments,
): Promise<ItemCall> {
  if (lane.role !== 'judge') return call;
  const held = await readNeutral(segments, item.result, item.cascade);
  if (held === undefined || call.chat === undefined || call.asking === undefined)
    throw new GatewayError('unsupported', 'There is no answer to judge.');
  return call.asking(judgeRequest(call.chat(), held));
}

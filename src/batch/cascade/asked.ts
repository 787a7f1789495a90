/** What an item is asked in a lane: what its caller asks, but of a judge, what it thinks of the first answer. */
import type { Answer } from '../../core/answer.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Cascade } from '../../router/cascade/contract.ts';
import { judgeRequest } from '../../router/cascade/opinion.ts';
import type { Item, Lane } from '../contract.ts';
import type { Segments } from '../segments.ts';
import type { ItemCall } from '../shape/contract.ts';
import { readNeutral } from './neutral.ts';

/** Where its confidence is in how probable its words were, these are asked for too, whoever asks. */
export function askedFirst(call: ItemCall, cascade: Cascade | undefined): ItemCall {
  if (cascade?.confidence.from !== 'logprobs' || call.chat === undefined || call.asking === undefined)
    return call;
  if (call.facts.needs.includes('logprobs')) return call;
  const facts = { ...call.facts, needs: [...call.facts.needs, 'logprobs' as const] };
  const { chat, asking } = call;
  return {
    ...call,
    facts,
    // Translated, since in a body as it came nobody asks for them.
    prepare: (endpoint, strict) => asking({ ...chat(), logprobs: { top: 0 } }).prepare(endpoint, strict),
    // What its caller did not ask for it is not given.
    encodeAnswer: (answer) => call.encodeAnswer('choices' in answer ? withoutLogprobs(answer) : answer),
  };
}

function withoutLogprobs(answer: Answer): Answer {
  return { ...answer, choices: answer.choices.map(({ blocks, stop }) => ({ blocks, stop })) };
}

/** As `callIn`, in lanes of whatever is not judged there. */
export function askedIn(lane: Lane, call: ItemCall, cascade: Cascade | undefined): ItemCall {
  return lane.role === 'answer' && lane.next !== undefined ? askedFirst(call, cascade) : call;
}

/** Throws `unsupported` where there is nothing to judge. */
export async function callIn(
  lane: Lane,
  call: ItemCall,
  item: Pick<Item, 'result' | 'cascade'>,
  segments: Segments,
  cascade: Cascade | undefined,
): Promise<ItemCall> {
  if (lane.role !== 'judge') return askedIn(lane, call, cascade);
  const held = await readNeutral(segments, item.result, item.cascade);
  if (held === undefined || call.chat === undefined || call.asking === undefined)
    throw new GatewayError('unsupported', 'There is no answer to judge.');
  return call.asking(judgeRequest(call.chat(), held));
}

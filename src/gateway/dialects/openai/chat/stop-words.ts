/** Neutral stops in the five words that the protocol has; a sixth would break SDKs. */
import type { StopKind } from '../../../../core/event.ts';

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call';

const words: Readonly<Record<StopKind, FinishReason>> = {
  end: 'stop',
  'stop-sequence': 'stop',
  length: 'length',
  context: 'length',
  tool: 'tool_calls',
  filter: 'content_filter',
  refusal: 'stop',
  pause: 'stop',
  other: 'stop',
};

/** `legacy`: the request used `functions`, and its answer uses the old word. */
export function finishReason(kind: StopKind, legacy: boolean): FinishReason {
  const word = words[kind];
  return legacy && word === 'tool_calls' ? 'function_call' : word;
}

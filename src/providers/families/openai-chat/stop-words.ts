/** What servers say when they stop, in the protocol's words and in those that they take over from the model's maker. */
import { type ErrorCode, GatewayError } from '../../../core/errors.ts';
import type { Stop, StopKind } from '../../../core/event.ts';

const kinds: Readonly<Record<string, StopKind>> = {
  stop: 'end',
  eos: 'end',
  end_turn: 'end',
  stop_sequence: 'stop-sequence',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool',
  tool_use: 'tool',
  function_call: 'tool',
  content_filter: 'filter',
  safety: 'filter',
  recitation: 'filter',
  refusal: 'refusal',
};

/** Words for an answer that was given up: never a clean stop. */
const failures: Readonly<Record<string, ErrorCode>> = {
  error: 'upstream_fault',
  abort: 'upstream_fault',
  // DeepSeek ran out of room in the middle of an answer.
  insufficient_system_resource: 'upstream_overloaded',
  malformed_function_call: 'upstream_malformed',
};

export interface Written {
  readonly calls: boolean;
  readonly refusal: boolean;
}

/** Many servers say `stop` after tool calls, some say `tool_calls` without any, some say nothing: what was written decides. */
export function readStop(word: string | undefined, written: Written): Stop {
  const raw = word === undefined ? {} : { raw: word };
  // Gemini's face of the protocol adds its own word: `content_filter: OTHER`.
  const kind = word === undefined ? 'end' : (kinds[word.toLowerCase().split(':', 1)[0] ?? ''] ?? 'other');
  if (kind === 'end' && written.calls) return { kind: 'tool', ...raw };
  if ((kind === 'end' || kind === 'tool') && written.refusal && !written.calls)
    return { kind: 'refusal', ...raw };
  if (kind === 'tool' && !written.calls) return { kind: 'end', ...raw };
  return { kind, ...raw };
}

/** The error that a stop word stands for. */
export function failureOf(word: string): GatewayError | undefined {
  const code = failures[word.toLowerCase()];
  if (code === undefined) return undefined;
  return new GatewayError(code, 'The provider gave up in the middle of its answer.', {
    upstream: { type: word },
  });
}

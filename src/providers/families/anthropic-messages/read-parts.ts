/** What whole answers and stream events have in common: usage, stop words, block kinds. */
import type { BlockStart, Stop, StopKind } from '../../../core/event.ts';
import { asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import type { Usage } from '../../../core/usage.ts';

/**
 * Anthropic's `input_tokens` leave out cached reads and writes; ours include them. Stream reports are cumulative and partial, so they
 * are kept raw (`last non-null wins`) and only then summed.
 */
export interface RawUsage {
  input?: number;
  read?: number;
  write?: number;
  write5m?: number;
  write1h?: number;
  output?: number;
  thinking?: number;
  tier?: string;
}

export function mergeRawUsage(into: RawUsage, value: unknown): void {
  if (!isObject(value)) return;
  const creation = asObject(value['cache_creation']);
  Object.assign(
    into,
    present({
      input: asNumber(value['input_tokens']),
      read: asNumber(value['cache_read_input_tokens']),
      write: asNumber(value['cache_creation_input_tokens']),
      write5m: asNumber(creation['ephemeral_5m_input_tokens']),
      write1h: asNumber(creation['ephemeral_1h_input_tokens']),
      output: asNumber(value['output_tokens']),
      thinking: asNumber(asObject(value['output_tokens_details'])['thinking_tokens']),
      tier: asString(value['service_tier']),
    }),
  );
}

export function toUsage(raw: RawUsage): Usage | undefined {
  if (raw.input === undefined && raw.output === undefined) return undefined;
  const split =
    raw.write5m === undefined && raw.write1h === undefined
      ? undefined
      : (raw.write5m ?? 0) + (raw.write1h ?? 0);
  const write = raw.write ?? split;
  return present({
    inputTokens: raw.input === undefined ? undefined : raw.input + (raw.read ?? 0) + (write ?? 0),
    cacheReadTokens: raw.read,
    cacheWriteTokens: write,
    cacheWrite5mTokens: raw.write5m,
    cacheWrite1hTokens: raw.write1h,
    outputTokens: raw.output,
    reasoningTokens: raw.thinking,
    serviceTier: raw.tier,
  });
}

const stopKinds: Readonly<Record<string, StopKind>> = {
  end_turn: 'end',
  stop_sequence: 'stop-sequence',
  tool_use: 'tool',
  max_tokens: 'length',
  model_context_window_exceeded: 'context',
  refusal: 'refusal',
  pause_turn: 'pause',
  compaction: 'pause',
};

export function readStop(word: unknown, sequence: unknown): Stop {
  const raw = asString(word) ?? 'end_turn';
  const met = asString(sequence);
  return { kind: stopKinds[raw] ?? 'other', raw, ...(met === undefined ? {} : { sequence: met }) };
}

/** A block as it begins; for a whole answer its text follows from `blockText`. */
export function readBlockStart(block: Readonly<Record<string, unknown>>): BlockStart {
  switch (block['type']) {
    case 'text':
      return { type: 'text' };
    case 'thinking': {
      const signature = asString(block['signature']) ?? '';
      return {
        type: 'reasoning',
        ...(signature === '' ? {} : { carry: { family: 'anthropic', payload: signature } }),
      };
    }
    case 'redacted_thinking':
      return {
        type: 'reasoning',
        redacted: true,
        carry: { family: 'anthropic', payload: asString(block['data']) ?? '' },
      };
    case 'tool_use':
      return {
        type: 'tool-call',
        kind: 'function',
        id: asString(block['id']) ?? '',
        name: asString(block['name']) ?? '',
      };
    default:
      return { type: 'opaque', protocol: 'anthropic-messages', raw: block };
  }
}

/** The text of a whole block; a tool's input as JSON text. */
export function blockText(block: Readonly<Record<string, unknown>>): string {
  switch (block['type']) {
    case 'text':
      return asString(block['text']) ?? '';
    case 'thinking':
      return asString(block['thinking']) ?? '';
    case 'tool_use': {
      const { input } = block;
      return isObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : '';
    }
    default:
      return '';
  }
}

/** What whole answers and stream frames have in common: stop words, usage, carries. */
import type { Carry, CarryFamily } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { BlockStart, Stop, StopKind } from '../../../core/event.ts';
import { asArray, asNumber, asObject, asString } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import type { Usage } from '../../../core/usage.ts';

type Fields = Readonly<Record<string, unknown>>;

const stopKinds: Readonly<Record<string, StopKind>> = {
  end_turn: 'end',
  stop_sequence: 'stop-sequence',
  tool_use: 'tool',
  max_tokens: 'length',
  model_context_window_exceeded: 'context',
  guardrail_intervened: 'filter',
  content_filtered: 'filter',
};

/** A stop, or the error that a malformed answer is: it must never look like a clean end. */
export function readStop(word: unknown, modelFields: unknown, calls: boolean): Stop | GatewayError {
  const raw = asString(word) ?? '';
  if (raw.startsWith('malformed_')) {
    return new GatewayError('upstream_malformed', `The model wrote what cannot be read (${raw}).`, {
      upstream: { status: 200, type: raw },
    });
  }
  const fields = asObject(modelFields);
  const sequence = asString(fields['stop_sequence']) ?? asString(asObject(fields['delta'])['stop_sequence']);
  return {
    kind: kindOf(raw, calls),
    ...(raw === '' ? {} : { raw }),
    ...(sequence === undefined ? {} : { sequence }),
  };
}

/** Calls and the stop word must agree: some models end a turn of calls with `end_turn`. */
function kindOf(raw: string, calls: boolean): StopKind {
  const kind = stopKinds[raw] ?? 'other';
  if (kind === 'end') return calls ? 'tool' : 'end';
  return kind === 'tool' && !calls ? 'end' : kind;
}

/**
 * Converse leaves cached tokens out of the input count; ours include them. The same counts stand under older names too: one set is read.
 * `cacheDetails` splits the writes by lifetime.
 */
export function readUsage(value: unknown, tier: unknown): Usage | undefined {
  const usage = asObject(value);
  const input = asNumber(usage['inputTokens']);
  const output = asNumber(usage['outputTokens']);
  if (input === undefined && output === undefined) return undefined;
  const read = asNumber(usage['cacheReadInputTokens']) ?? asNumber(usage['cacheReadInputTokenCount']);
  const write = asNumber(usage['cacheWriteInputTokens']) ?? asNumber(usage['cacheWriteInputTokenCount']);
  const details = asArray(usage['cacheDetails']).map(asObject);
  const byTtl = (ttl: string): number | undefined =>
    asNumber(details.find((one) => one['ttl'] === ttl)?.['inputTokens']);
  return present({
    inputTokens: input === undefined ? undefined : input + (read ?? 0) + (write ?? 0),
    cacheReadTokens: read,
    cacheWriteTokens: write,
    cacheWrite5mTokens: byTtl('5m'),
    cacheWrite1hTokens: byTtl('1h'),
    outputTokens: output,
    serviceTier: asString(asObject(tier)['type']),
  });
}

/**
 * Encrypted thinking comes as bytes. For Claude these are the text that Messages calls `data`, so the carry means the same on both; kept as
 * one character a byte, so that any bytes come back as they were.
 */
export function redactedBytes(base64: string): string {
  return Buffer.from(base64, 'base64').toString('latin1');
}

export function carryOf(family: CarryFamily, payload: string): Carry {
  return { family, payload };
}

export function callStart(call: Fields): BlockStart {
  return {
    type: 'tool-call',
    kind: 'function',
    id: asString(call['toolUseId']) ?? '',
    name: asString(call['name']) ?? '',
  };
}

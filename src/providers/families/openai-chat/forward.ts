/**
 * What must change in a body of this protocol that is otherwise passed on untouched, and when it cannot be: a body that this model or server
 * is known to refuse (a temperature on a reasoning model, another vendor's thoughts in the history) is translated, which adapts it and
 * reports how.
 */
import type { ScannedBody } from '../../../core/body.ts';
import { asArray, asNumber, asObject } from '../../../core/json.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { readField } from '../../../wire/json-scan.ts';
import type { ForwardEdits, ForwardedCall } from '../../contract.ts';
import { schemaWay } from './answer-format.ts';
import type { ChatTraits } from './traits.ts';

type Edits = { set: Record<string, string>; remove: string[] };

export function createForward(
  model: ModelInfo,
  wireModel: string,
  traits: ChatTraits,
): (call: ForwardedCall) => ForwardEdits | undefined {
  const modelJson = JSON.stringify(wireModel);
  return (call) => {
    const { body } = call;
    if (body !== undefined && mustTranslate(body, model, traits)) return undefined;
    const edits: Edits = { set: { model: modelJson }, remove: [] };
    if (call.stream) askUsage(call, traits, edits);
    if (body !== undefined) fitLimit(body, model, traits, edits);
    return edits.remove.length === 0 ? { set: edits.set } : edits;
  };
}

/** Usage is asked for even where the caller does not want it: the ledger does. The caller's other stream options stay. */
function askUsage({ body, streamUsage }: ForwardedCall, traits: ChatTraits, edits: Edits): void {
  if (!traits.streamUsage) {
    edits.remove.push('stream_options');
    return;
  }
  if (streamUsage) return;
  const options = body?.fields.has('stream_options') ? asObject(readField(body, 'stream_options')) : {};
  edits.set['stream_options'] = JSON.stringify({ ...options, include_usage: true });
}

const limitFields = ['max_completion_tokens', 'max_tokens'] as const;

/** Reasoning models refuse the old name of the limit, many servers know it alone; over a model's limit is a 400. */
function fitLimit(body: ScannedBody, model: ModelInfo, traits: ChatTraits, edits: Edits): void {
  const field = limitFields.find((name) => asks(body, name));
  if (field === undefined) return;
  const wanted = asNumber(readField(body, field));
  if (wanted === undefined) return;
  const most = Math.min(wanted, model.maxOutputTokens ?? Number.POSITIVE_INFINITY);
  const onlyNew = model.known && model.sampling === 'fixed';
  const right = traits.maxTokensField === 'max_tokens' || onlyNew ? traits.maxTokensField : field;
  if (right === field && most === wanted) return;
  edits.set[right] = String(most);
  for (const name of limitFields) if (name !== right && body.fields.has(name)) edits.remove.push(name);
}

/** Extension fields on messages by which servers, and we, hand out reasoning. OpenAI refuses a message that has them. */
const messageExtensions = [
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'thinking_blocks',
  'extra_content',
];

function mustTranslate(body: ScannedBody, model: ModelInfo, traits: ChatTraits): boolean {
  const messages = textOf(body, 'messages');
  const foreign = messageExtensions.filter((field) => !takes(field, traits));
  return (
    traits.refuses.some((field) => asks(body, field)) ||
    (traits.strictMessages && hasKey(messages, foreign)) ||
    (!traits.developerRole && /"role"\s*:\s*"developer"/.test(messages)) ||
    (traits.toolIds === 'short' && /"(?:tool_call_)?id"\s*:\s*"(?![A-Za-z0-9]{9}")/.test(messages)) ||
    (schemaWay(model, traits) !== 'native' && /"json_schema"/.test(textOf(body, 'response_format'))) ||
    (model.known && (refusesSampling(body, model) || refusesEffort(body, model, traits)))
  );
}

function takes(field: string, traits: ChatTraits): boolean {
  if (field === 'extra_content') return traits.thoughtSignatures;
  return field === traits.reasoningField || field === traits.carryField;
}

/** Quotes inside a string are escaped, so what looks like a key is one. */
function hasKey(text: string, keys: readonly string[]): boolean {
  return keys.some((key) => text.includes(`"${key}"`) && new RegExp(`[,{]\\s*"${key}"\\s*:`).test(text));
}

function refusesSampling(body: ScannedBody, model: ModelInfo): boolean {
  if (model.sampling !== 'fixed' || textOf(body, 'reasoning_effort') === '"none"') return false;
  const differs = (field: string, usual: number): boolean =>
    asks(body, field) && asNumber(readField(body, field)) !== usual;
  return (
    differs('temperature', 1) ||
    differs('top_p', 1) ||
    differs('frequency_penalty', 0) ||
    differs('presence_penalty', 0) ||
    textOf(body, 'logprobs') === 'true' ||
    (asks(body, 'logit_bias') && Object.keys(asObject(readField(body, 'logit_bias'))).length > 0) ||
    (model.thinking === 'effort' && asksStop(body))
  );
}

function asksStop(body: ScannedBody): boolean {
  if (!asks(body, 'stop')) return false;
  const stop = readField(body, 'stop');
  return typeof stop === 'string' || asArray(stop).length > 0;
}

function refusesEffort(body: ScannedBody, model: ModelInfo, traits: ChatTraits): boolean {
  if (traits.reasoning !== 'effort' || !asks(body, 'reasoning_effort')) return false;
  const effort = readField(body, 'reasoning_effort');
  if (model.thinking !== 'effort') return true;
  return model.efforts !== undefined && !model.efforts.some((one) => one === effort);
}

/** Present, and not null, which asks for nothing. */
function asks(body: ScannedBody, field: string): boolean {
  return !['', 'null'].includes(textOf(body, field));
}

function textOf(body: ScannedBody, field: string): string {
  const span = body.fields.get(field);
  return span === undefined ? '' : body.latin1.slice(span.start, span.end);
}

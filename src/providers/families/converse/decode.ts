/** A whole Converse answer as events. */
import type { CarryFamily } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { BlockStart, Emit } from '../../../core/event.ts';
import { asArray, asObject, asString, isObject } from '../../../core/json.ts';
import { callStart, carryOf, readStop, readUsage, redactedBytes } from './read-parts.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface ReadAs {
  /** Converse names no model in its answers, so it is the one that was asked. */
  readonly model: string;
  readonly family: CarryFamily;
}

interface ReadBlock {
  readonly start: BlockStart;
  readonly text?: string;
  readonly citations?: readonly unknown[];
}

export function readConverse(body: unknown, emit: Emit, { model, family }: ReadAs): void {
  const message = asObject(asObject(body)['output'])['message'];
  if (!isObject(body) || !isObject(message))
    throw new GatewayError('upstream_malformed', 'The provider’s answer has no message.');
  emit({ type: 'start', id: '', model });
  let index = 0;
  let calls = false;
  for (const value of asArray(message['content'])) {
    const block = readBlock(asObject(value), family);
    if (block === undefined) continue;
    calls ||= block.start.type === 'tool-call';
    emit({ type: 'block-start', index, block: block.start });
    if (block.text !== undefined && block.text !== '') emit({ type: 'block-delta', index, text: block.text });
    for (const citation of block.citations ?? []) emit({ type: 'block-citation', index, citation });
    emit({ type: 'block-stop', index });
    index += 1;
  }
  const usage = readUsage(body['usage'], body['serviceTier']);
  if (usage !== undefined) emit({ type: 'usage', usage });
  const stop = readStop(body['stopReason'], body['additionalModelResponseFields'], calls);
  if (stop instanceof GatewayError) throw stop;
  emit({ type: 'stop', stop });
  emit({ type: 'end' });
}

/** `undefined` for kinds that are not known yet and for the results of tools that AWS ran itself. */
function readBlock(block: Fields, family: CarryFamily): ReadBlock | undefined {
  const text = asString(block['text']);
  if (text !== undefined) return text === '' ? undefined : { start: { type: 'text' }, text };
  const { toolUse, reasoningContent, citationsContent, image } = block;
  if (isObject(toolUse)) return { start: callStart(toolUse), text: inputText(toolUse['input']) };
  if (isObject(reasoningContent)) return readReasoning(reasoningContent, family);
  if (isObject(citationsContent)) return readCited(citationsContent);
  if (isObject(image)) return readImage(image);
  return undefined;
}

function inputText(input: unknown): string {
  return isObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : '';
}

function readReasoning(content: Fields, family: CarryFamily): ReadBlock {
  const redacted = asString(content['redactedContent']);
  if (redacted !== undefined) {
    const carry = carryOf(family, redactedBytes(redacted));
    return { start: { type: 'reasoning', redacted: true, carry } };
  }
  const shown = asObject(content['reasoningText']);
  const signature = asString(shown['signature']) ?? '';
  const carry = signature === '' ? {} : { carry: carryOf(family, signature) };
  return { start: { type: 'reasoning', ...carry }, text: asString(shown['text']) ?? '' };
}

function readCited(cited: Fields): ReadBlock {
  const text = asArray(cited['content'])
    .map((one) => asString(asObject(one)['text']) ?? '')
    .join('');
  return { start: { type: 'text' }, text, citations: asArray(cited['citations']) };
}

function readImage(image: Fields): ReadBlock | undefined {
  const data = asString(asObject(image['source'])['bytes']);
  if (data === undefined) return undefined;
  return { start: { type: 'image', mimeType: `image/${asString(image['format']) ?? 'png'}`, data } };
}

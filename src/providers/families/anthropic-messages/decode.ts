/** A whole Messages answer as events. */
import { GatewayError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/event.ts';
import { asArray, asString, isObject } from '../../../core/json.ts';
import type { Usage } from '../../../core/usage.ts';
import { readAnswerTop } from '../answer-top.ts';
import { blockText, mergeRawUsage, type RawUsage, readBlockStart, readStop, toUsage } from './read-parts.ts';

/** What a relayed answer used; `undefined` for what only a look at the whole can judge. */
export function watchMessage(bytes: Buffer): { readonly usage: Usage | undefined } | undefined {
  const top = readAnswerTop(bytes);
  if (top === undefined || !top.holdsObjects('content') || top.read('type') === 'error') return undefined;
  const raw: RawUsage = {};
  mergeRawUsage(raw, top.read('usage'));
  return { usage: toUsage(raw) };
}

export function readMessage(body: unknown, emit: Emit, readError: (body: unknown) => GatewayError): void {
  if (!isObject(body))
    throw new GatewayError('upstream_malformed', 'The provider’s answer is not a JSON object.');
  if (body['type'] === 'error') throw readError(body);
  if (!Array.isArray(body['content']))
    throw new GatewayError('upstream_malformed', 'The provider’s answer has no content.');
  emit({ type: 'start', id: asString(body['id']) ?? '', model: asString(body['model']) ?? '' });
  let index = 0;
  for (const block of asArray(body['content'])) {
    if (!isObject(block)) continue;
    emit({ type: 'block-start', index, block: readBlockStart(block) });
    const text = blockText(block);
    if (text !== '') emit({ type: 'block-delta', index, text });
    for (const citation of asArray(block['citations'])) emit({ type: 'block-citation', index, citation });
    emit({ type: 'block-stop', index });
    index += 1;
  }
  const raw: RawUsage = {};
  mergeRawUsage(raw, body['usage']);
  const usage = toUsage(raw);
  if (usage !== undefined) emit({ type: 'usage', usage });
  emit({ type: 'stop', stop: readStop(body['stop_reason'], body['stop_sequence']) });
  emit({ type: 'end' });
}

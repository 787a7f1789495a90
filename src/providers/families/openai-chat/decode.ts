/** A whole Chat Completions answer as events. Lenient: what is missing is left out, what is unknown is ignored. */
import { GatewayError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/event.ts';
import { asArray, isObject } from '../../../core/json.ts';
import type { Usage } from '../../../core/usage.ts';
import { readAnswerTop } from '../answer-top.ts';
import { ChatReader, isErrorObject } from './chat-reader.ts';
import { readUsage } from './read-parts.ts';

/** What a relayed answer used; `undefined` for what only a look at the whole can judge. */
export function watchChatAnswer(bytes: Buffer): { readonly usage: Usage | undefined } | undefined {
  const top = readAnswerTop(bytes);
  if (top === undefined || !top.holdsObjects('choices') || (top.read('error') ?? null) !== null)
    return undefined;
  return { usage: readUsage(top.read('usage'), top.read('service_tier')) };
}

/** `readError` turns an error object inside a 200 into its kind. */
export function readChatAnswer(body: unknown, emit: Emit, readError: (error: unknown) => GatewayError): void {
  if (!isObject(body)) {
    if (Array.isArray(body) && isObject(body[0]) && isErrorObject(body[0])) throw readError(body);
    throw new GatewayError('upstream_malformed', 'The provider’s answer is not a JSON object.');
  }
  if (!isErrorObject(body) && !asArray(body['choices']).some(isObject))
    throw new GatewayError('upstream_malformed', 'The provider’s answer has no choices.');
  const reader = new ChatReader(readError);
  const failure = reader.read(body, emit);
  if (failure !== undefined) throw failure;
  reader.end(emit);
}

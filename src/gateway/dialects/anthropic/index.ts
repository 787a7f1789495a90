/** What apps with an Anthropic client speak: Messages, token counting, the model list. */
import { writeSse } from '../../../wire/sse.ts';
import type { ChatDialect, CountDialect, DialectFolder } from '../contract.ts';
import { decodeMessages } from './decode.ts';
import { encodeMessage } from './encode-answer.ts';
import { openMessageStream } from './encode-stream.ts';
import { encodeError } from './errors.ts';
import { inspectCount, inspectMessages } from './inspect.ts';
import { models } from './models.ts';
import { openingOf } from './opening.ts';

const forwardedHeaders = ['anthropic-beta', 'anthropic-version'];

const messages: ChatDialect = {
  id: 'anthropic-messages',
  operation: 'chat',
  protocol: 'anthropic-messages',
  path: '/v1/messages',
  forwardedHeaders,
  inspect: inspectMessages,
  opening: openingOf,
  decode: (body) => decodeMessages(body),
  encodeAnswer: encodeMessage,
  openStream: openMessageStream,
  encodeError,
  // Terminal in this protocol: no message_stop after it.
  encodeStreamError: (error, requestId) =>
    writeSse(JSON.stringify(encodeError(error, requestId).body), 'error'),
  ping: writeSse('{"type": "ping"}', 'ping'),
};

const countTokens: CountDialect = {
  id: 'anthropic-count-tokens',
  operation: 'count-tokens',
  protocol: 'anthropic-count-tokens',
  path: '/v1/messages/count_tokens',
  forwardedHeaders,
  inspect: inspectCount,
  decode: (body) => decodeMessages(body, true),
  encodeAnswer: ({ inputTokens }) => ({ input_tokens: inputTokens }),
  encodeError,
};

export const dialects: DialectFolder = { id: 'anthropic', dialects: [messages, countTokens], models };

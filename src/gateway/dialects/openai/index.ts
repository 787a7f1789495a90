/** What apps with an OpenAI client speak: Chat Completions, Embeddings, the model list. */
import { writeSse } from '../../../wire/sse.ts';
import type { ChatDialect, DialectFolder } from '../contract.ts';
import { decodeChat } from './chat/decode.ts';
import { encodeChatAnswer } from './chat/encode-answer.ts';
import { openChatStream } from './chat/encode-stream.ts';
import { encodeChatError } from './chat/errors.ts';
import { inspectChat } from './chat/inspect.ts';
import { openingOf } from './chat/opening.ts';
import { embeddings } from './embeddings.ts';
import { models } from './models.ts';

const chat: ChatDialect = {
  id: 'openai-chat',
  operation: 'chat',
  protocol: 'openai-chat',
  path: '/v1/chat/completions',
  forwardedHeaders: [],
  inspect: inspectChat,
  opening: openingOf,
  decode: decodeChat,
  encodeAnswer: encodeChatAnswer,
  openStream: openChatStream,
  encodeError: encodeChatError,
  // No finish_reason and no [DONE]: SDKs raise on `error`, and nothing may look like an end.
  encodeStreamError: (error) => writeSse(JSON.stringify(encodeChatError(error).body)),
  ping: ': keep-alive\n\n',
};

export const dialects: DialectFolder = { id: 'openai', dialects: [chat, embeddings], models };

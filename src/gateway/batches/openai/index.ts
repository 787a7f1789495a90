/** What apps with an OpenAI client submit batches by: `/v1/files` and `/v1/batches`. */
import { encodeChatError } from '../../dialects/openai/chat/errors.ts';
import type { BatchFolder } from '../contract.ts';
import { batchRoutes } from './batches.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { fileRoutes } from './files.ts';
import { createShape } from './shape.ts';

export const batches: BatchFolder = {
  id: 'openai',
  shape: createShape,
  routes: [...fileRoutes, ...batchRoutes, ...deadLetterRoutes],
  encodeError: encodeChatError,
};

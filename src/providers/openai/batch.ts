/** OpenAI's own batches. */
import type { Clock } from '../../core/clock.ts';
import type { BatchEndpoint } from '../contract.ts';
import { createOpenAiBatch } from '../families/openai-batch/endpoint.ts';
import { batchErrorRows } from '../families/openai-batch/errors.ts';
import { readChatError } from '../families/openai-chat/errors.ts';
import { errorRows } from './errors.ts';
import { batchLimits } from './limits.ts';

export interface BatchAccount {
  readonly baseUrl: string;
  readonly clock: Clock;
  headers(): Readonly<Record<string, string>>;
}

const paths = { chat: '/v1/chat/completions', embedding: '/v1/embeddings' } as const;
const rows = [...batchErrorRows, ...errorRows];

export function createBatch(account: BatchAccount, operation: 'chat' | 'embedding'): BatchEndpoint {
  return createOpenAiBatch({
    ...account,
    path: paths[operation],
    limits: batchLimits,
    readError: (response) => readChatError(rows, response, account.clock.now()),
  });
}

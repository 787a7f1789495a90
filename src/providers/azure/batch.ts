/**
 * Azure's Global and DataZone Batch, always by the v1 paths: OpenAI's client for Azure would send a creation to a deployment's path,
 * where there is none. A model is a deployment of a batch kind.
 */
import type { Clock } from '../../core/clock.ts';
import { asObject } from '../../core/json.ts';
import type { BatchEndpoint } from '../contract.ts';
import { createOpenAiBatch } from '../families/openai-batch/endpoint.ts';
import { batchErrorRows } from '../families/openai-batch/errors.ts';
import { readChatError } from '../families/openai-chat/errors.ts';
import type { Authenticate } from './auth.ts';
import { errorRows } from './errors.ts';
import { batchLimits } from './limits.ts';

export interface BatchAccount {
  /** `/openai/v1` included. */
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly headers: Authenticate;
}

export interface BatchVariant {
  /** Replaces the model that bodies name. */
  readonly deployment: string | undefined;
  /** Without `/v1`, as older documentation has it. */
  readonly barePaths: boolean;
}

/** 14 days, the least that Azure takes: without an expiry a resource holds 500 input files, with one 10,000. */
const keepInputS = 1_209_600;
const rows = [...batchErrorRows, ...errorRows];

export function createBatch(
  account: BatchAccount,
  operation: 'chat' | 'embedding',
  { deployment, barePaths }: BatchVariant,
): BatchEndpoint {
  const path = operation === 'chat' ? '/chat/completions' : '/embeddings';
  return createOpenAiBatch({
    ...account,
    path: barePaths ? path : `/v1${path}`,
    limits: batchLimits,
    waitsForFile: true,
    keepInputS,
    readError: (response) => readChatError(rows, response, account.clock.now()),
    ...(deployment === undefined
      ? {}
      : {
          rewriteBody: (body: string) => JSON.stringify({ ...asObject(JSON.parse(body)), model: deployment }),
        }),
  });
}

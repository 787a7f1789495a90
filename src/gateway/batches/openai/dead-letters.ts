/**
 * What OpenAI's API has no word for: `/v1/batches/:id/dead-letters` tells which items were given up, after what; `…/retry-dead` opens them again. Both take
 * batches of every shape, since the others have no path of their own for it.
 */
import type { ItemError } from '../../../batch/contract.ts';
import type { DeadLetter } from '../../../batch/desk/contract.ts';
import { GatewayError } from '../../../core/errors.ts';
import { present } from '../../../core/present.ts';
import type { BatchRequest, BatchRoute, BatchWorld } from '../contract.ts';
import { readLimit, sendJson } from '../reply.ts';
import { readBatchTerms } from '../terms.ts';

const usualLetters = 100;
/** One less than the desk gives at once: one more is asked for, to know whether there are more. */
const mostLetters = 999;

export const deadLetterRoutes: readonly BatchRoute[] = [
  { method: 'GET', path: '/v1/batches/:id/dead-letters', handle: list },
  { method: 'POST', path: '/v1/batches/:id/retry-dead', handle: retry },
];

async function list({ desk }: BatchWorld, request: BatchRequest): Promise<void> {
  const { asker, path, query } = request;
  const limit = readLimit(query, usualLetters, mostLetters);
  const letters = await desk.deadLetters(asker.owner, path['id'] ?? '', readAfter(query), limit + 1);
  const data = letters.slice(0, limit).map(encodeLetter);
  sendJson(request, { object: 'list', data, has_more: letters.length > limit });
}

/** `x-intermodal-deadline`: until when; else as long as the batch was given at first. */
async function retry({ desk }: BatchWorld, request: BatchRequest): Promise<void> {
  const { asker, incoming } = request;
  const batch = await desk.batch(asker.owner, request.path['id'] ?? '');
  const { windowMs } = readBatchTerms(incoming.headers, batch.windowMs);
  const retried = await desk.retryDead(asker.owner, batch.id, windowMs);
  sendJson(request, { id: batch.id, object: 'batch.retry', retried });
}

/** The line of the last letter that the caller has. */
function readAfter(query: URLSearchParams): number {
  const text = query.get('after');
  if (text === null || text === '') return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new GatewayError(
    'invalid_request',
    `"after" must be the line of the last dead letter that you have, but it is "${text.slice(0, 40)}".`,
    { param: 'after' },
  );
}

function encodeLetter({ item, attempts }: DeadLetter): object {
  return {
    object: 'batch.dead_letter',
    line: item.seq,
    custom_id: item.customId,
    prompt_hash: item.hash,
    strikes: item.strikes,
    error: item.error === undefined ? null : encodeError(item.error),
    attempts: attempts.map(({ attempt, target, submission, atMs, error }) => ({
      attempt,
      target,
      submission: submission ?? null,
      at: new Date(atMs).toISOString(),
      error: encodeError(error),
    })),
  };
}

function encodeError({ code, message, status, upstream }: ItemError): object {
  return { code, message, status, ...present({ upstream }) };
}

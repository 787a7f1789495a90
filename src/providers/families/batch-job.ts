/** What all batch adapters that have no better carrier share: ids of items, and what a create that failed means. */
import { GatewayError } from '../../core/errors.ts';
import { asString, isObject } from '../../core/json.ts';
import type { BatchJob, Submitted } from '../contract.ts';

/** The id of an item at the provider: within 64 letters, digits, `-` for any key. */
export const itemId = (job: Pick<BatchJob, 'id'>, key: number): string => `${job.id}-${key}`;

/** Whether an id was made for an item of this job, whatever its key. */
export const isItemOf = (job: Pick<BatchJob, 'id'>, id: unknown): boolean => itemKey(job, id) !== undefined;

export function itemKey(job: Pick<BatchJob, 'id'>, id: unknown): number | undefined {
  const text = asString(id);
  if (text === undefined || !text.startsWith(`${job.id}-`)) return undefined;
  const rest = text.slice(job.id.length + 1);
  if (!/^(?:0|[1-9]\d{0,15})$/.test(rest)) return undefined;
  const key = Number(rest);
  return Number.isSafeInteger(key) ? key : undefined;
}

/** How far a create had come when it failed. */
export interface FailedCreate {
  readonly error: GatewayError;
  /** Of the answer; absent: there was none. */
  readonly status?: number;
  /** The last byte of the body was handed over. */
  readonly bodyEnded: boolean;
  /** What was thrown, to be looked into where there was no answer. */
  readonly thrown?: unknown;
}

/**
 * A create that failed is `refused` only where the provider cannot have the job: it said no, it was never reached, or the body broke off
 * before its end. All else may have been committed. To take a job for lost that runs costs it twice; to look for one that never was
 * costs a request.
 */
export function failedCreate({ error, status, bodyEnded, thrown }: FailedCreate): Submitted {
  if (status === undefined)
    return { kind: !bodyEnded || neverReached(thrown) ? 'refused' : 'unknown', error };
  // 408, 409 and 425 say that something is in the way, not that nothing was made.
  const unclear = status < 300 || status >= 500 || status === 408 || status === 409 || status === 425;
  return { kind: unclear ? 'unknown' : 'refused', error };
}

const unreached = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** Causes lie a few deep; a chain that is longer is a ring. */
const deepestCause = 8;

/** The connection was not made, so that not a byte was sent. */
function neverReached(thrown: unknown): boolean {
  let cause = thrown;
  for (let depth = 0; depth < deepestCause && cause instanceof Error; depth++) {
    if ('code' in cause && unreached.has(asString(cause.code) ?? '')) return true;
    // A host with several addresses fails with one error for each.
    if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.every(neverReached);
    cause = cause.cause;
  }
  return false;
}

/** A failure without an answer, as the sync side reads it: silence, or no connection. */
export function readConnectionError(thrown: unknown, what: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const silent =
    isObject(thrown) && /timeout|abort/i.test(`${asString(thrown['name'])} ${asString(thrown['message'])}`);
  return silent
    ? new GatewayError('upstream_timeout', `The provider did not answer in time: ${what}.`, { cause: thrown })
    : new GatewayError('upstream_unreachable', `The connection to the provider failed: ${what}.`, {
        cause: thrown,
      });
}

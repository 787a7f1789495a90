/** What a `BatchPredictionJob` says of itself. */
import type { GatewayError } from '../../core/errors.ts';
import { asNumber, asObject, asString } from '../../core/json.ts';
import type { FailedResponse, JobEnd, JobStatus } from '../contract.ts';
import { rpcStatus } from './batch-lines.ts';

type JobFields = Readonly<Record<string, unknown>>;
type Running = Extract<JobStatus, { kind: 'running' }>['state'];

const running: Readonly<Record<string, Running>> = {
  QUEUED: 'queued',
  PENDING: 'queued',
  RUNNING: 'running',
  PAUSED: 'running',
  UPDATING: 'running',
  CANCELLING: 'cancelling',
};

const ended: Readonly<Record<string, JobEnd>> = {
  SUCCEEDED: 'completed',
  PARTIALLY_SUCCEEDED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  EXPIRED: 'expired',
};

/** A state that nobody has heard of is one that goes on: taken for an end, paid work would be bought twice. */
export function readJobStatus(
  job: JobFields,
  readError: (response: FailedResponse) => GatewayError,
): JobStatus {
  const state = (asString(job['state']) ?? '').replace(/^JOB_STATE_/, '');
  const how = ended[state];
  const stats = asObject(job['completionStats']);
  const done = readCount(stats['successfulCount']);
  const failed = readCount(stats['failedCount']);
  if (how === undefined)
    return {
      kind: 'running',
      state: running[state] ?? 'running',
      ...(done === undefined ? {} : { done }),
      ...(failed === undefined ? {} : { failed }),
    };
  if (how !== 'failed') return { kind: 'ended', how };
  const error = readJobError(job, readError);
  // It was turned away at the door (no such bucket, no room): nothing of it ran.
  const ran = job['startTime'] !== undefined || (done ?? 0) > 0 || hasOutput(job);
  return { kind: 'ended', how: ran ? 'failed' : 'refused', error };
}

function hasOutput(job: JobFields): boolean {
  return Object.keys(asObject(job['outputInfo'])).length > 0;
}

/** int64 comes as a string; -1 means that nobody counts. */
function readCount(value: unknown): number | undefined {
  const text = asString(value);
  const count = asNumber(text === undefined || text === '' ? value : Number(text));
  return count === undefined || count < 0 ? undefined : count;
}

/** `google.rpc.Status`, read as the sync error that says the same. */
function readJobError(job: JobFields, readError: (response: FailedResponse) => GatewayError): GatewayError {
  const status = asObject(job['error']);
  const { word, http } = rpcStatus(asNumber(status['code']) ?? 2);
  const message = asString(status['message']) ?? 'The provider ended the job without a reason.';
  return readError({
    status: http,
    headers: {},
    body: JSON.stringify({ error: { code: http, status: word, message, details: status['details'] } }),
  });
}

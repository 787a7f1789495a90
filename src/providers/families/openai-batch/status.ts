/** How a batch stands. Spelling varies: `in_progress`, `InProgress`, `IN_PROGRESS`; times are seconds or ISO dates; lists may be missing. */
import { asArray, asNumber, asObject, asString } from '../../../core/json.ts';
import type { JobEnd, JobStatus } from '../../contract.ts';
import { batchError } from './errors.ts';

/** A batch object, before anything is known about it. */
export type BatchObject = Readonly<Record<string, unknown>>;

type Running = Extract<JobStatus, { kind: 'running' }>['state'];

const running: Readonly<Record<string, Running>> = {
  preschedule: 'queued',
  validating: 'queued',
  inprogress: 'running',
  finalizing: 'finishing',
  cancelling: 'cancelling',
  canceling: 'cancelling',
};
const ends: Readonly<Record<string, JobEnd>> = {
  completed: 'completed',
  failed: 'failed',
  expired: 'expired',
  cancelled: 'cancelled',
  canceled: 'cancelled',
};

export function readStatus(batch: BatchObject): JobStatus {
  const state = (asString(batch['status']) ?? '').toLowerCase().replace(/[^a-z]/g, '');
  const how = ends[state];
  if (how === undefined) {
    const counts = asObject(batch['request_counts']);
    const done = asNumber(counts['completed']);
    const failed = asNumber(counts['failed']);
    return {
      kind: 'running',
      // A state nobody has heard of is not an end.
      state: running[state] ?? 'running',
      ...(done === undefined ? {} : { done }),
      ...(failed === undefined ? {} : { failed }),
    };
  }
  if (how !== 'failed') return { kind: 'ended', how };
  const problems = asArray(asObject(batch['errors'])['data']).map(asObject);
  const [first] = problems;
  const told = first === undefined ? undefined : asString(first['message']);
  const line = first === undefined ? undefined : asNumber(first['line']);
  const message =
    told === undefined
      ? 'The provider refused the batch.'
      : `${told}${line === undefined ? '' : ` (line ${line})`}`;
  const error = batchError(first === undefined ? undefined : asString(first['code']), message);
  // No room: as if it had never been sent. Whatever else is wrong would be wrong again.
  return { kind: 'ended', how: error.code === 'rate_limited' ? 'refused' : 'failed', error };
}

export function createdAtMs(batch: BatchObject): number | undefined {
  const value = batch['created_at'];
  const seconds = asNumber(value);
  if (seconds !== undefined) return seconds * 1000;
  const ms = Date.parse(asString(value) ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

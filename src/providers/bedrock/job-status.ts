/** What Bedrock says of a job, in our words. */
import type { GatewayError } from '../../core/errors.ts';
import type { JobStatus } from '../contract.ts';
import { awsErrorRows } from '../families/converse/errors.ts';
import { type ErrorRow, readErrorTable } from '../families/error-table.ts';
import { errorRows } from './errors.ts';

/** The fields of GetModelInvocationJob that we read. Counts are new: a job may be without them. */
export interface SeenJob {
  readonly status?: string | undefined;
  readonly message?: string | undefined;
  readonly successRecordCount?: number | undefined;
  readonly errorRecordCount?: number | undefined;
}

type Running = Extract<JobStatus, { readonly kind: 'running' }>['state'];
type Ended = 'completed' | 'expired' | 'cancelled' | 'failed';

const running: Readonly<Record<string, Running>> = {
  Submitted: 'queued',
  Validating: 'queued',
  Scheduled: 'queued',
  InProgress: 'running',
  Stopping: 'cancelling',
};

/** Records that had no answer show in the output, whatever the job as a whole is called. */
const ended: Readonly<Record<string, Ended>> = {
  Completed: 'completed',
  PartiallyCompleted: 'completed',
  Expired: 'expired',
  Stopped: 'cancelled',
  Failed: 'failed',
};

export function endOf(job: SeenJob): Ended | undefined {
  const { status = '' } = job;
  return Object.hasOwn(ended, status) ? ended[status] : undefined;
}

/** A state that nobody knew of is not an end. */
export function readRunning(job: SeenJob): JobStatus {
  const { status = '', successRecordCount: done, errorRecordCount: failed } = job;
  return {
    kind: 'running',
    state: (Object.hasOwn(running, status) ? running[status] : undefined) ?? 'running',
    ...(done === undefined ? {} : { done }),
    ...(failed === undefined ? {} : { failed }),
  };
}

/** A failed job says why in words alone. In doubt it is the job's form, which another target may not mind. */
const failureRows: readonly ErrorRow[] = [
  {
    message: /(?:not authorized|access denied|permission|assume)|\brole\b|kms|bucket/i,
    is: 'upstream_auth',
  },
  { message: /throttl|quota|too many/i, is: 'rate_limited' },
  { message: /internal|unexpected error|try again/i, is: 'upstream_fault' },
];

export function readJobFailure({ message = '' }: SeenJob): GatewayError {
  return readErrorTable(
    [...errorRows, ...failureRows, { status: 400, is: 'upstream_refused_shape' }, ...awsErrorRows],
    {
      status: 400,
      message: message === '' ? 'Bedrock failed the batch job without a reason.' : message,
    },
  );
}

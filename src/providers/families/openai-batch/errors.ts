/** What batches have of errors of their own: whole jobs that fail, and items that were not executed. Source: batch guides, November 2026. */
import type { GatewayError } from '../../../core/errors.ts';
import { type ErrorRow, readErrorTable } from '../error-table.ts';

export const batchErrorRows: readonly ErrorRow[] = [
  // Too much is enqueued; there is room again when other jobs have ended.
  { code: 'token_limit_exceeded', is: 'rate_limited' },
  { message: /enqueued token limit reached/i, is: 'rate_limited' },
  { code: /^(?:billing_hard_limit_reached|insufficient_quota)$/, is: 'quota_exhausted' },
  { code: 'model_not_found', is: 'model_not_found' },
  { code: 'request_timeout', is: 'upstream_timeout' },
  { message: /larger than the \d+ maximum|file is too large/i, is: 'request_too_large', retry: 'other' },
];

/** The input is ours, so what is wrong with it is never the caller's mistake. */
const ours: readonly ErrorRow[] = [{ status: 400, is: 'upstream_refused_shape' }];

/** An error that is told by a code alone; without one it is the provider's fault. */
export function batchError(code: string | undefined, message: string | undefined): GatewayError {
  return readErrorTable([...batchErrorRows, ...ours], {
    status: code === undefined ? 500 : 400,
    message: message ?? '',
    ...(code === undefined ? {} : { code }),
  });
}

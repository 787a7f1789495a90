/**
 * What a vendor's error means, as a table. A provider's `errors.ts` is a list of rows, most telling first; the first row
 * that matches decides. Every table ends with the rows that all HTTP servers share, so that any answer lands somewhere.
 */
import { type ErrorCode, errorKinds, GatewayError, type Retry } from '../../core/errors.ts';

/** A failed response or an in-stream error, its vendor shape taken off. */
export interface SeenError {
  /** HTTP status; for an error inside a stream the status that the vendor's error type stands for, or 200. */
  readonly status: number;
  /** The vendor's type word: `overloaded_error`, `ThrottlingException`, `RESOURCE_EXHAUSTED`. */
  readonly type?: string;
  /** The vendor's finer code: `context_length_exceeded`, `insufficient_quota`. */
  readonly code?: string;
  readonly message: string;
  readonly param?: string;
  readonly requestId?: string;
  readonly retryAfterMs?: number;
  /** `x-should-retry`, where sent. */
  readonly shouldRetry?: boolean;
}

export interface ErrorRow {
  /** All that is present must match. */
  readonly status?: number | readonly number[];
  readonly type?: string | RegExp;
  readonly code?: string | RegExp;
  readonly message?: RegExp;
  readonly is: ErrorCode;
  readonly retry?: Retry;
}

/** Holds for any HTTP server. */
const everyServer: readonly ErrorRow[] = [
  { status: 401, is: 'upstream_auth' },
  { status: 403, is: 'upstream_auth' },
  { status: 402, is: 'quota_exhausted' },
  { status: 404, is: 'model_not_found' },
  { status: [408, 504], is: 'upstream_timeout' },
  { status: 413, is: 'request_too_large' },
  { status: 429, is: 'rate_limited' },
  { status: [503, 529], is: 'upstream_overloaded' },
  { status: [400, 405, 409, 415, 422], is: 'invalid_request' },
];

export function readErrorTable(rows: readonly ErrorRow[], seen: SeenError): GatewayError {
  const row =
    rows.find((candidate) => matches(candidate, seen)) ??
    everyServer.find((candidate) => matches(candidate, seen));
  const code = row?.is ?? (seen.status >= 400 && seen.status < 500 ? 'invalid_request' : 'upstream_fault');
  const retry = row?.retry ?? vendorsRetry(code, seen.shouldRetry);
  return new GatewayError(code, redact(seen.message) || `The provider answered with status ${seen.status}.`, {
    ...(seen.retryAfterMs === undefined ? {} : { retryAfterMs: seen.retryAfterMs }),
    ...(seen.param === undefined ? {} : { param: seen.param }),
    ...(retry === undefined ? {} : { retry }),
    upstream: {
      status: seen.status,
      ...(seen.type === undefined && seen.code === undefined ? {} : { type: seen.code ?? seen.type ?? '' }),
      ...(seen.requestId === undefined ? {} : { requestId: seen.requestId }),
    },
  });
}

/** `x-should-retry` wins over what a kind of error means as a rule; its "no" holds for this target, not for others. */
function vendorsRetry(code: ErrorCode, shouldRetry: boolean | undefined): Retry | undefined {
  const usual = errorKinds[code].retry;
  if (shouldRetry === false && (usual === 'same' || usual === 'later')) return 'other';
  return shouldRetry === true && usual === 'never' && code === 'invalid_request' ? 'same' : undefined;
}

function matches(row: ErrorRow, seen: SeenError): boolean {
  if (row.status !== undefined) {
    const statuses = typeof row.status === 'number' ? [row.status] : row.status;
    if (!statuses.includes(seen.status)) return false;
  }
  return (
    (row.type === undefined || matchesText(row.type, seen.type)) &&
    (row.code === undefined || matchesText(row.code, seen.code)) &&
    (row.message === undefined || row.message.test(seen.message))
  );
}

function matchesText(pattern: string | RegExp, text: string | undefined): boolean {
  if (text === undefined) return false;
  return typeof pattern === 'string' ? pattern === text : pattern.test(text);
}

/** Vendor messages may quote key fragments, organisations, projects and accounts; none of these are the caller's to see. */
export function redact(message: string): string {
  return message
    .slice(0, 2000)
    .replace(/\b(?:sk|pk|gsk|xai|AIza|AKIA|ASIA)[-_]?[A-Za-z0-9*_-]{6,}/g, '[redacted]')
    .replace(/\b(?:org|proj|user|acct|organization)[-_][A-Za-z0-9]{6,}/g, '[redacted]')
    .replace(/\bprojects\/[\w:.-]+/g, 'projects/[redacted]')
    .replace(/\barn:aws[\w-]*:[\w-]*:[\w-]*:\d{12}:/g, 'arn:aws:[redacted]:')
    .replace(/\b[\w.+-]+@[\w-]+\.iam\.gserviceaccount\.com\b/g, '[redacted]');
}

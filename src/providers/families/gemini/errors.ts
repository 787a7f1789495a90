/** Errors in Google's shape: `{error:{code,message,status,details[]}}`, now and then inside an array. */
import type { GatewayError } from '../../../core/errors.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import { durationMs, retryAfterInText, retryAfterMs } from '../../../wire/retry-after.ts';
import type { FailedResponse } from '../../contract.ts';
import { type ErrorRow, readErrorTable, type SeenError } from '../error-table.ts';

/** `type` is google.rpc's status; `code` an ErrorInfo reason, or the quota that was hit. */
export const geminiErrorRows: readonly ErrorRow[] = [
  // A wrong key is a 400 here.
  {
    code: /^(?:API_KEY_|ACCESS_TOKEN_|ACCOUNT_STATE_|CREDENTIALS_|SERVICE_DISABLED|CONSUMER_)/,
    is: 'upstream_auth',
  },
  { message: /API key (?:not valid|not found|expired|was reported as leaked)/i, is: 'upstream_auth' },
  { code: 'BILLING_DISABLED', is: 'quota_exhausted' },
  {
    message: /(?:credits are depleted|requires billing to be enabled|exceeded its monthly spending cap)/i,
    is: 'quota_exhausted',
  },
  // A day's quota comes back at midnight Pacific, whatever retryDelay says.
  { code: /PerDay/, is: 'quota_exhausted' },
  {
    status: [400, 413],
    message: /token count.*exceeds|exceeds the maximum number of (?:input )?tokens|input (?:is )?too long/is,
    is: 'context_too_long',
  },
  { message: /user location is not supported/i, is: 'upstream_auth' },
  // Ours to build, so the caller is not at fault.
  {
    status: 400,
    message:
      /Unknown name|Invalid JSON payload|proto is invalid|thought_?signature|valid role|function response parts|function response turn|function call turn|in function_response\.response/i,
    is: 'upstream_refused_shape',
  },
  { type: 'RESOURCE_EXHAUSTED', is: 'rate_limited' },
  { type: 'UNAUTHENTICATED', is: 'upstream_auth' },
  { type: 'PERMISSION_DENIED', is: 'upstream_auth' },
  { type: 'NOT_FOUND', is: 'model_not_found' },
  { type: 'UNAVAILABLE', is: 'upstream_overloaded' },
  { type: 'DEADLINE_EXCEEDED', is: 'upstream_timeout' },
  { type: /^(?:INTERNAL|UNKNOWN|ABORTED|CANCELLED|DATA_LOSS)$/, is: 'upstream_fault' },
  { type: /^(?:INVALID_ARGUMENT|FAILED_PRECONDITION|OUT_OF_RANGE)$/, is: 'invalid_request' },
];

export function readGeminiError(response: FailedResponse, nowMs: number): SeenError {
  let body: unknown;
  try {
    body = JSON.parse(response.body);
  } catch {
    // HTML or nothing, as proxies answer: the status has to do.
  }
  const wait = retryAfterMs(response.headers, nowMs);
  const seen = seeGoogleError(body, response.status);
  if (isByDay(seen.code)) return seen;
  const longest = Math.max(wait ?? 0, seen.retryAfterMs ?? 0);
  return { ...seen, ...(longest === 0 ? {} : { retryAfterMs: longest }) };
}

/** An error object inside a 200, or in a stream: its own code stands for a status. */
export function readGeminiErrorInside(rows: readonly ErrorRow[], body: unknown): GatewayError {
  return readErrorTable([...rows, ...geminiErrorRows], seeGoogleError(body, 200));
}

export function seeGoogleError(body: unknown, status: number): SeenError {
  const outer = asObject(Array.isArray(body) ? body.find(isObject) : body);
  const error = asObject(outer['error']);
  const message = asString(error['message']) ?? asString(outer['error']) ?? '';
  const type = asString(error['status']);
  const details = asArray(error['details']).filter(isObject);
  const code = readReason(details);
  // The delay that comes with a day's quota is the minute's; a caller who obeyed it would be refused all day.
  const wait = isByDay(code) ? undefined : (readDelay(details) ?? retryAfterInText(message));
  const own = asNumber(error['code']);
  return {
    status: status === 200 ? (own !== undefined && own >= 400 && own < 600 ? own : 500) : status,
    message: hideProject(message),
    ...(type === undefined ? {} : { type }),
    ...(code === undefined ? {} : { code }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

/** Google names the account's project in prose and in console links; it is not the caller's to see. */
export function hideProject(message: string): string {
  return message
    .replace(/\b(project(?: number| id)?[ :=#]+['"`]?)(?=[\w:.-]*\d)[\w:.-]*\w/gi, '$1[redacted]')
    .replace(/\b(project_number:|project=)[\w:.-]*\w/gi, '$1[redacted]');
}

function isByDay(code: string | undefined): boolean {
  return code?.includes('PerDay') === true;
}

type Detail = Readonly<Record<string, unknown>>;

function ofType(details: readonly Detail[], name: string): Detail | undefined {
  return details.find((detail) => asString(detail['@type'])?.endsWith(`google.rpc.${name}`) === true);
}

function readReason(details: readonly Detail[]): string | undefined {
  const reason = asString(ofType(details, 'ErrorInfo')?.['reason']);
  const quotas = asArray(ofType(details, 'QuotaFailure')?.['violations']).flatMap((violation) => {
    const quota = asString(asObject(violation)['quotaId']);
    return quota === undefined ? [] : [quota];
  });
  // Where several limits are hit at once, the longest lasting one decides.
  const quota = quotas.find(isByDay) ?? quotas[0];
  return quota ?? reason;
}

function readDelay(details: readonly Detail[]): number | undefined {
  const delay = asString(ofType(details, 'RetryInfo')?.['retryDelay']);
  return delay === undefined ? undefined : durationMs(delay);
}

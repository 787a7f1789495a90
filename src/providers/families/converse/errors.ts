/**
 * AWS errors: the type in `x-amzn-errortype` (cut at its colon), `{message}` or `{Message}` in the body; inside a stream an exception
 * frame. The rows here hold for every AWS service; what Bedrock says in words is in its own folder.
 */
import type { GatewayError } from '../../../core/errors.ts';
import { asNumber, asObject, asString } from '../../../core/json.ts';
import { retryAfterMs } from '../../../wire/retry-after.ts';
import type { FailedResponse } from '../../contract.ts';
import { type ErrorRow, readErrorTable, type SeenError } from '../error-table.ts';

export const awsErrorRows: readonly ErrorRow[] = [
  { type: /^(?:Throttl|TooManyRequests|RequestLimitExceeded|SlowDown)/, is: 'rate_limited' },
  { type: /^ModelNotReady/, is: 'rate_limited' },
  { type: /^(?:ServiceQuotaExceeded|LimitExceeded)/, is: 'rate_limited' },
  {
    type: /^(?:AccessDenied|ExpiredToken|UnrecognizedClient|InvalidSignature|InvalidClientTokenId|InvalidAccessKeyId|MissingAuthenticationToken|IncompleteSignature|NotAuthorized|OptInRequired|RequestExpired|RequestTimeTooSkewed|SignatureDoesNotMatch)/,
    is: 'upstream_auth',
  },
  { type: /^ResourceNotFound/, is: 'model_not_found' },
  { type: /^ModelTimeout/, is: 'upstream_timeout' },
  { type: /^ServiceUnavailable/, is: 'upstream_overloaded' },
  { type: /^(?:ModelError|ModelStreamError|InternalServer|InternalFailure)/, is: 'upstream_fault' },
  { status: 424, is: 'upstream_fault' },
  { type: /^Validation/, is: 'invalid_request' },
];

/** Statuses that exceptions inside a stream stand for; the response itself was a 200. */
const statuses: Readonly<Record<string, number>> = {
  ThrottlingException: 429,
  ServiceUnavailableException: 503,
  ModelStreamErrorException: 424,
  ModelTimeoutException: 408,
  ValidationException: 400,
};

export function readAwsError(
  rows: readonly ErrorRow[],
  response: FailedResponse,
  nowMs: number,
): GatewayError {
  const { headers } = response;
  const body = parse(response.body);
  const wait = retryAfterMs(headers, nowMs);
  const requestId = headers['x-amzn-requestid'] ?? headers['x-amzn-request-id'];
  const type = typeName(
    headers['x-amzn-errortype'] ?? asString(body['__type']) ?? asString(body['code']) ?? '',
  );
  const seen: SeenError = {
    status: response.status,
    message: messageOf(body),
    ...(type === '' ? {} : { type }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(requestId === undefined ? {} : { requestId }),
  };
  return readErrorTable([...rows, ...awsErrorRows], seen);
}

/** An exception frame; its name begins in lower case there. A failing model's own status comes along. */
export function readAwsException(
  rows: readonly ErrorRow[],
  { name, data }: { readonly name: string; readonly data: string },
): GatewayError {
  const body = parse(data);
  const type = typeName(name.charAt(0).toUpperCase() + name.slice(1));
  return readErrorTable([...rows, ...awsErrorRows], {
    status: statuses[type] ?? asNumber(body['originalStatusCode']) ?? 500,
    message: messageOf(body),
    ...(type === '' ? {} : { type }),
  });
}

/** `com.amazon.coral.service#ExpiredTokenException:http://…` is an ExpiredTokenException. */
function typeName(text: string): string {
  return text.replace(/[:,].*$/s, '').replace(/^.*#/s, '');
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text));
  } catch {
    // HTML or nothing, as proxies answer: header and status have to do.
    return {};
  }
}

function messageOf(body: Readonly<Record<string, unknown>>): string {
  return asString(body['message']) ?? asString(body['Message']) ?? asString(body['originalMessage']) ?? '';
}

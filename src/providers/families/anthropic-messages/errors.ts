/** Errors in Anthropic's shape: `{type:"error", error:{type,message}, request_id}`; from its edge only `{error:{…}}`. */
import type { GatewayError } from '../../../core/errors.ts';
import { asObject, asString } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import { retryAfterMs } from '../../../wire/retry-after.ts';
import type { FailedResponse } from '../../contract.ts';
import { type ErrorRow, readErrorTable, type SeenError } from '../error-table.ts';
import { createAnthropicLimitReader } from './limits.ts';

export const anthropicErrorRows: readonly ErrorRow[] = [
  { message: /credit balance is too low/i, is: 'quota_exhausted' },
  { code: /^(?:enforced|contract)_spend_limit_reached$/, is: 'quota_exhausted' },
  { type: 'billing_error', is: 'quota_exhausted' },
  {
    status: [400, 413],
    message:
      /prompt is too long|exceeds? (?:the )?(?:maximum )?(?:context|number of tokens)|input length and .?max_tokens.? exceed/i,
    is: 'context_too_long',
  },
  { status: 400, message: /content filtering policy/i, is: 'content_blocked' },
  // Thinking that another account or model signed: a target that made it may still take it.
  {
    status: 400,
    message: /invalid .?signature.? in .?thinking|thinking.{0,40}cannot be modified/i,
    is: 'upstream_refused_shape',
  },
  { type: 'overloaded_error', is: 'upstream_overloaded' },
  { type: 'api_error', message: /overloaded/i, is: 'upstream_overloaded' },
  { type: 'rate_limit_error', is: 'rate_limited' },
  { type: 'authentication_error', is: 'upstream_auth' },
  { type: 'permission_error', is: 'upstream_auth' },
  { type: 'not_found_error', is: 'model_not_found' },
  { type: 'request_too_large', is: 'request_too_large' },
  { type: 'timeout_error', is: 'upstream_timeout' },
  { type: 'invalid_request_error', is: 'invalid_request' },
  { type: 'api_error', is: 'upstream_fault' },
];

/** The status that an error type stands for; an error inside a stream has no other. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

export function readAnthropicError(response: FailedResponse, nowMs: number): SeenError {
  let body: unknown = {};
  try {
    body = JSON.parse(response.body);
  } catch {
    // HTML or nothing, as proxies answer: the status has to do.
  }
  const { headers, status } = response;
  const should = headers['x-should-retry'];
  return {
    ...seeAnthropicError(body, status),
    ...present({
      retryAfterMs:
        retryAfterMs(headers, nowMs) ?? (status === 429 ? exhaustedUntilMs(headers, nowMs) : undefined),
      requestId: headers['request-id'] ?? asString(asObject(body)['request_id']),
      shouldRetry: should === undefined ? undefined : should === 'true',
    }),
  };
}

/** Without a `retry-after`, the limits that are used up say when they refill: the latest of them counts. */
function exhaustedUntilMs(headers: FailedResponse['headers'], nowMs: number): number | undefined {
  const { requests, tokens, inputTokens, outputTokens } =
    createAnthropicLimitReader(() => nowMs)(headers) ?? {};
  const waits = [requests, tokens, inputTokens, outputTokens]
    .map((state) => (state?.remaining === 0 ? (state.resetMs ?? 0) : 0))
    .filter((waitMs) => waitMs > 0);
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** Organisations and workspaces go by such ids in messages; they are not the caller's to see. */
const organisation = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;

/** Google wraps some of its own refusals of Claude calls in an array, with a number for a code. */
function seeAnthropicError(body: unknown, status: number): SeenError {
  const outer = asObject(Array.isArray(body) ? body[0] : body);
  const error = asObject(outer['error']);
  const type = asString(error['type']) ?? asString(error['status']);
  const code = asString(asObject(error['details'])['error_code']);
  const message = asString(error['message']) ?? asString(outer['message']) ?? '';
  return { status, message: message.replace(organisation, '[redacted]'), ...present({ type, code }) };
}

/** An error inside a stream, or inside a 200: its type decides. */
export function readAnthropicErrorInside(rows: readonly ErrorRow[], body: unknown): GatewayError {
  const seen = seeAnthropicError(body, 500);
  const requestId = asString(asObject(body)['request_id']);
  return readErrorTable([...rows, ...anthropicErrorRows], {
    ...seen,
    status: statuses[seen.type ?? ''] ?? 500,
    ...present({ requestId }),
  });
}

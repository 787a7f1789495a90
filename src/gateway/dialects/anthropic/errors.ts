/** Errors in Anthropic's shape, with the request id in the body as Anthropic has it. */
import type { ErrorCode, GatewayError } from '../../../core/errors.ts';
import type { ErrorBody } from '../contract.ts';

interface Row {
  readonly status?: number;
  readonly type: string;
}

/** Only what differs from the rule: 4xx are `invalid_request_error`, 5xx `api_error`. */
const rows: Partial<Record<ErrorCode, Row>> = {
  invalid_key: { type: 'authentication_error' },
  forbidden: { type: 'permission_error' },
  over_budget: { type: 'billing_error' },
  price_unknown: { type: 'billing_error' },
  key_limited: { type: 'rate_limit_error' },
  no_room: { type: 'rate_limit_error' },
  not_found: { type: 'not_found_error' },
  model_not_found: { type: 'not_found_error' },
  conflict: { type: 'conflict_error' },
  request_too_large: { type: 'request_too_large' },
  rate_limited: { type: 'rate_limit_error' },
  quota_exhausted: { status: 402, type: 'billing_error' },
  upstream_auth: { status: 500, type: 'api_error' },
  upstream_overloaded: { status: 529, type: 'overloaded_error' },
  no_candidate: { status: 529, type: 'overloaded_error' },
  shutting_down: { status: 529, type: 'overloaded_error' },
  upstream_timeout: { status: 504, type: 'timeout_error' },
  deadline_exceeded: { status: 504, type: 'timeout_error' },
};

export function encodeError(error: GatewayError, requestId: string): ErrorBody {
  const row = rows[error.code] ?? { type: error.status < 500 ? 'invalid_request_error' : 'api_error' };
  // Clients of Claude look for these words to know that they must shorten the conversation.
  const tooLong = error.code === 'context_too_long' && !error.message.includes('prompt is too long');
  const message = tooLong ? `prompt is too long: ${error.message}` : error.message;
  return {
    status: row.status ?? error.status,
    body: { type: 'error', error: { type: row.type, message }, request_id: requestId },
  };
}

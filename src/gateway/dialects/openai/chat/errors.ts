/** Errors in OpenAI's shape: `{error: {message, type, param, code}}`. The request id is a header there, never in the body. */
import type { ErrorCode, GatewayError } from '../../../../core/errors.ts';
import type { ErrorBody } from '../../contract.ts';

interface Row {
  readonly status?: number;
  readonly type: string;
  readonly code: string | null;
}

/** Only what differs from the rule: 4xx are `invalid_request_error`, 5xx `server_error`, the code is our own word. */
const rows: Partial<Record<ErrorCode, Row>> = {
  invalid_request: { type: 'invalid_request_error', code: null },
  context_too_long: { type: 'invalid_request_error', code: 'context_length_exceeded' },
  content_blocked: { type: 'invalid_request_error', code: 'content_filter' },
  invalid_key: { type: 'invalid_request_error', code: 'invalid_api_key' },
  over_budget: { type: 'insufficient_quota', code: 'over_budget' },
  price_unknown: { type: 'insufficient_quota', code: 'price_unknown' },
  key_limited: { type: 'rate_limit_error', code: 'key_limited' },
  no_room: { type: 'rate_limit_error', code: 'no_room' },
  rate_limited: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  quota_exhausted: { type: 'insufficient_quota', code: 'insufficient_quota' },
  upstream_auth: { type: 'server_error', code: 'upstream_auth' },
  upstream_overloaded: { type: 'server_error', code: 'overloaded' },
};

export function encodeChatError(error: GatewayError): ErrorBody {
  const row = rows[error.code] ?? {
    type: error.status < 500 ? 'invalid_request_error' : 'server_error',
    code: error.code,
  };
  return {
    status: row.status ?? error.status,
    body: { error: { message: error.message, type: row.type, param: error.param ?? null, code: row.code } },
  };
}

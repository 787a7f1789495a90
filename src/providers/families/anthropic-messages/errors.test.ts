import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readErrorTable } from '../error-table.ts';
import { anthropicErrorRows, readAnthropicError, readAnthropicErrorInside } from './errors.ts';

const nowMs = Date.parse('2026-11-20T12:00:00Z');

function read(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readErrorTable(anthropicErrorRows, readAnthropicError({ status, headers, body: text }, nowMs));
}

const error = (type: string, message: string, more: object = {}) => ({
  type: 'error',
  error: { type, message, ...more },
  request_id: 'req_fx',
});

const cases: readonly [number, unknown, string][] = [
  [400, error('invalid_request_error', 'messages: at least one message is required'), 'invalid_request'],
  [
    400,
    error('invalid_request_error', 'Your credit balance is too low to access the API.'),
    'quota_exhausted',
  ],
  [400, error('invalid_request_error', 'prompt is too long: 300 tokens > 200 maximum'), 'context_too_long'],
  [
    400,
    error('invalid_request_error', 'input length and `max_tokens` exceed context limit'),
    'context_too_long',
  ],
  [400, error('invalid_request_error', 'Output blocked by content filtering policy'), 'content_blocked'],
  [
    400,
    error('invalid_request_error', 'messages.1.content.0: Invalid `signature` in `thinking` block'),
    'upstream_refused_shape',
  ],
  [401, error('authentication_error', 'invalid x-api-key'), 'upstream_auth'],
  [402, error('billing_error', 'Pay first.'), 'quota_exhausted'],
  [403, error('permission_error', 'Not yours.'), 'upstream_auth'],
  [403, { error: { type: 'forbidden', message: 'Request not allowed' } }, 'upstream_auth'],
  [404, error('not_found_error', 'model: claude-x'), 'model_not_found'],
  [
    413,
    { error: { type: 'request_too_large', message: 'Request exceeds the maximum size' } },
    'request_too_large',
  ],
  [429, error('rate_limit_error', 'Slow down.'), 'rate_limited'],
  [
    429,
    error('rate_limit_error', 'Spent.', { details: { error_code: 'enforced_spend_limit_reached' } }),
    'quota_exhausted',
  ],
  [
    429,
    error('rate_limit_error', 'Ramp.', { details: { error_code: 'ramp_limit_exceeded' } }),
    'rate_limited',
  ],
  [500, error('api_error', 'Internal server error'), 'upstream_fault'],
  [500, error('api_error', 'Overloaded'), 'upstream_overloaded'],
  [529, error('overloaded_error', 'Overloaded'), 'upstream_overloaded'],
  [504, error('timeout_error', 'Too slow.'), 'upstream_timeout'],
  [502, '<html>bad gateway</html>', 'upstream_fault'],
  [503, '', 'upstream_overloaded'],
  [429, [{ error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } }], 'rate_limited'],
];

describe('a failed response', () => {
  for (const [status, body, code] of cases) {
    test(`${status} ${JSON.stringify(body).slice(0, 90)} is ${code}`, () => {
      assert.equal(read(status, body).code, code);
    });
  }

  test('keeps its request id, from the header or the body', () => {
    assert.equal(read(529, error('overloaded_error', 'x')).upstream?.requestId, 'req_fx');
    const headers = { 'request-id': 'req_header' };
    assert.equal(read(529, error('overloaded_error', 'x'), headers).upstream?.requestId, 'req_header');
  });

  test('says how long to wait: retry-after first, else when the used-up limits refill', () => {
    const body = error('rate_limit_error', 'Slow down.');
    assert.equal(read(429, body, { 'retry-after': '16' }).retryAfterMs, 16_000);
    const limits = {
      date: 'Fri, 20 Nov 2026 12:00:10 GMT',
      'anthropic-ratelimit-requests-remaining': '7',
      'anthropic-ratelimit-requests-reset': '2026-11-20T12:09:00Z',
      'anthropic-ratelimit-input-tokens-remaining': '0',
      'anthropic-ratelimit-input-tokens-reset': '2026-11-20T12:00:40Z',
      'anthropic-ratelimit-tokens-remaining': '0',
      'anthropic-ratelimit-tokens-reset': 'soon',
    };
    assert.equal(read(429, body, limits).retryAfterMs, 30_000);
    assert.equal(read(529, body, limits).retryAfterMs, undefined);
    assert.equal(read(429, body).retryAfterMs, undefined);
  });

  test('is asked again at once unless the server says that it should not be', () => {
    const body = error('api_error', 'Internal server error');
    assert.equal(read(500, body).retry, 'same');
    assert.equal(read(500, body, { 'x-should-retry': 'false' }).retry, 'other');
  });

  test('names no organisation', () => {
    const { message } = read(
      429,
      error('rate_limit_error', 'Limit of org 0b0c1d2e-1111-4222-8333-444455556666.'),
    );
    assert.equal(message, 'Limit of org [redacted].');
  });
});

describe('an error inside a stream', () => {
  const inside = (type: string, message: string) => readAnthropicErrorInside([], error(type, message));

  test('stands for the status of its type', () => {
    assert.equal(inside('overloaded_error', 'x').upstream?.status, 529);
    assert.equal(inside('invalid_request_error', 'prompt is too long').code, 'context_too_long');
    assert.equal(
      inside('invalid_request_error', 'Output blocked by content filtering policy').code,
      'content_blocked',
    );
    assert.equal(inside('new_error', 'x').code, 'upstream_fault');
    assert.equal(inside('api_error', 'x').upstream?.requestId, 'req_fx');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { model } from '../../../../test/support/router.ts';
import type { ErrorCode } from '../../../core/errors.ts';
import { createChatCodec } from './codec.ts';
import { openAiTraits } from './traits.ts';

const codec = createChatCodec(model({ id: 'gpt-x' }), { traits: openAiTraits, errorRows: [], now: () => 0 });

describe('reading errors', () => {
  const rows: readonly [number, string, ErrorCode][] = [
    [
      401,
      '{"error":{"message":"Incorrect API key provided: sk-abc","type":"invalid_request_error","code":"invalid_api_key"}}',
      'upstream_auth',
    ],
    [404, '{"error":{"message":"no such model","code":"model_not_found"}}', 'model_not_found'],
    [400, '{"error":{"message":"too long","code":"context_length_exceeded"}}', 'context_too_long'],
    [429, '{"error":{"message":"slow","type":"tokens","code":"rate_limit_exceeded"}}', 'rate_limited'],
    [
      429,
      '{"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}}',
      'quota_exhausted',
    ],
    [400, '{"error":{"message":"filtered","code":"content_filter"}}', 'content_blocked'],
    [500, '<html>oops</html>', 'upstream_fault'],
    [503, '', 'upstream_overloaded'],
    [422, '{"detail":[{"msg":"field required"}]}', 'invalid_request'],
    [418, '{}', 'invalid_request'],
  ];
  for (const [status, body, code] of rows) {
    test(`${status} ${body.slice(0, 60)} is ${code}`, () =>
      assert.equal(codec.readError({ status, headers: {}, body }).code, code));
  }

  test('keys never reach the message', () => {
    const body =
      '{"error":{"message":"Incorrect API key provided: sk-proj-abcdef123456","code":"invalid_api_key"}}';
    assert.ok(!codec.readError({ status: 401, headers: {}, body }).message.includes('abcdef'));
  });

  test('what can never fit the minute is not waited for', () => {
    const body =
      '{"error":{"message":"Request too large for gpt-x on tokens per min: Limit 100, Requested 200.","code":"rate_limit_exceeded"}}';
    assert.equal(codec.readError({ status: 429, headers: {}, body }).retry, 'other');
  });

  test('the wait is read from headers, then from words', () => {
    const wait = (headers: Record<string, string>, message = '') =>
      codec.readError({ status: 429, headers, body: JSON.stringify({ error: { message } }) }).retryAfterMs;
    assert.equal(wait({ 'retry-after-ms': '250', 'retry-after': '9' }), 250);
    assert.equal(wait({ 'retry-after-ms': '0', 'retry-after': '1' }), 1000);
    assert.equal(wait({}, 'Please try again in 1.2s.'), 1200);
    assert.equal(wait({ 'retry-after': '-1' }), undefined);
  });
});

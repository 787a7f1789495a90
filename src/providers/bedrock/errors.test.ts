import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import type { GatewayError } from '../../core/errors.ts';
import { provider } from './index.ts';

/** Converse and Invoke answer alike; both are asked. */
const models = ['us.amazon.nova-micro-v1:0', 'us.anthropic.claude-haiku-4-5-20251001-v1:0'];

function read(model: string, status: number, type: string, body: string): GatewayError {
  const settings = provider.settings.parse({ region: 'us-east-1', bearer_token: 'secret' });
  const made = provider.create('bedrock', settings, { env: {}, clock: systemClock });
  const headers = {
    'x-amzn-requestid': 'request-7',
    ...(type === ''
      ? {}
      : { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/` }),
  };
  const error = made.chat?.(modelInfo(model)).readError({ status, headers, body });
  assert.ok(error);
  return error;
}

const table: readonly (readonly [number, string, string, string])[] = [
  [429, 'ThrottlingException', 'Too many requests, please wait before trying again.', 'rate_limited'],
  [429, 'ThrottlingException', 'Too many tokens, please wait before trying again.', 'rate_limited'],
  [
    429,
    'ThrottlingException',
    'Too many tokens per day, please wait before trying again.',
    'quota_exhausted',
  ],
  [429, 'ModelNotReadyException', 'The model is not ready for inference.', 'rate_limited'],
  [400, 'ServiceQuotaExceededException', 'Your request exceeds the service quota.', 'rate_limited'],
  [400, 'ThrottlingException', 'Rate exceeded', 'rate_limited'],
  [400, 'ValidationException', 'Input is too long for requested model.', 'context_too_long'],
  [
    400,
    'ValidationException',
    'The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length.',
    'context_too_long',
  ],
  [
    400,
    'ValidationException',
    'The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum',
    'context_too_long',
  ],
  [400, 'ValidationException', 'The provided model identifier is invalid.', 'model_not_found'],
  [
    400,
    'ValidationException',
    'Invocation of model ID x with on-demand throughput isn’t supported.',
    'model_not_found',
  ],
  [
    404,
    'ResourceNotFoundException',
    'This model version has reached the end of its life.',
    'model_not_found',
  ],
  [
    404,
    'ResourceNotFoundException',
    'Model use case details have not been submitted for this account.',
    'upstream_auth',
  ],
  [
    403,
    'AccessDeniedException',
    'You don’t have access to the model with the specified model ID.',
    'upstream_auth',
  ],
  [403, 'ExpiredTokenException', 'The security token included in the request is expired', 'upstream_auth'],
  [
    403,
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
    'upstream_auth',
  ],
  [403, 'InvalidSignatureException', 'Signature expired: 20261120T000000Z', 'upstream_auth'],
  [400, 'ValidationException', 'Operation not allowed', 'upstream_auth'],
  [400, 'ValidationException', 'Output blocked by content filtering policy', 'content_blocked'],
  [
    400,
    'ValidationException',
    'This model doesn’t support the toolConfig.toolChoice.any field.',
    'upstream_refused_shape',
  ],
  [
    400,
    'ValidationException',
    'Malformed input request: #: extraneous key [top_k] is not permitted',
    'upstream_refused_shape',
  ],
  [400, 'ValidationException', 'invalid beta flag', 'upstream_refused_shape'],
  [
    400,
    'ValidationException',
    'Expected toolResult blocks at messages.2.content for the following Ids: t1',
    'invalid_request',
  ],
  [408, 'ModelTimeoutException', 'Model has timed out in processing the request.', 'upstream_timeout'],
  [424, 'ModelErrorException', 'The request failed due to an error in the model.', 'upstream_fault'],
  [
    500,
    'InternalServerException',
    'The system encountered an unexpected error during processing.',
    'upstream_fault',
  ],
  [503, 'ServiceUnavailableException', 'Bedrock is unable to process your request.', 'upstream_overloaded'],
  [429, '', 'Too many requests', 'rate_limited'],
  [403, '', 'Forbidden', 'upstream_auth'],
  [418, 'TeapotException', 'Short and stout.', 'invalid_request'],
];

describe('errors by status, type and words', () => {
  for (const [status, type, message, code] of table) {
    test(`${status} ${type}: ${message.slice(0, 60)}`, () => {
      for (const model of models) {
        const error = read(model, status, type, JSON.stringify({ message }));
        assert.equal(error.code, code, model);
        assert.equal(error.upstream?.requestId, 'request-7');
        assert.equal(error.upstream?.status, status);
      }
    });
  }
});

describe('whatever the body is', () => {
  for (const [name, body] of [
    ['HTML', '<html>503</html>'],
    ['nothing', ''],
    ['a list', '[1]'],
    ['cut JSON', '{"message":"Be'],
  ] as const) {
    test(name, () => {
      const error = read('us.amazon.nova-micro-v1:0', 503, '', body);
      assert.equal(error.code, 'upstream_overloaded');
      assert.equal(error.message, 'The provider answered with status 503.');
    });
  }

  test('the older spelling of message, and a type in the body', () => {
    const body = JSON.stringify({
      __type: 'com.amazon.coral.service#ExpiredTokenException',
      Message: 'The token is expired.',
    });
    const error = read('us.amazon.nova-micro-v1:0', 400, '', body);
    assert.equal(error.code, 'upstream_auth');
    assert.equal(error.upstream?.type, 'ExpiredTokenException');
  });

  test('account numbers and keys do not get through', () => {
    const message =
      'User: arn:aws:iam::123456789012:user/ops is not authorized to perform: bedrock:InvokeModel; key AKIAABCDEFGH12345678';
    const error = read(
      'us.amazon.nova-micro-v1:0',
      403,
      'AccessDeniedException',
      JSON.stringify({ message }),
    );
    assert.doesNotMatch(error.message, /123456789012|AKIAABCDEFGH/);
    assert.equal(error.code, 'upstream_auth');
  });
});

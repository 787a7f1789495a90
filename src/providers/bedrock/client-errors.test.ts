import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../core/errors.ts';
import { readClientError } from './client-errors.ts';

/** As the clients throw: the response is not enumerable. */
function thrown(name: string, status: number | undefined, message: string, more: object = {}): Error {
  const error = Object.assign(new Error(message), more, {
    name,
    $metadata: { ...(status === undefined ? {} : { httpStatusCode: status }), requestId: 'req-1' },
  });
  return Object.defineProperty(error, '$response', {
    value: { headers: { 'Retry-After': '7' } },
    enumerable: false,
  });
}

describe('what AWS’s clients throw', () => {
  const table: readonly (readonly [Error, string])[] = [
    [thrown('ThrottlingException', 429, 'Rate exceeded'), 'rate_limited'],
    [thrown('ServiceQuotaExceededException', 400, 'Too many jobs'), 'rate_limited'],
    [thrown('SlowDown', 503, 'Please reduce your request rate.'), 'rate_limited'],
    [
      thrown('AccessDeniedException', 403, 'User is not authorized to perform: iam:PassRole'),
      'upstream_auth',
    ],
    [thrown('AccessDenied', 403, 'Access Denied'), 'upstream_auth'],
    [thrown('NoSuchBucket', 404, 'The specified bucket does not exist'), 'upstream_auth'],
    [thrown('ResourceNotFoundException', 404, 'No such job'), 'not_found'],
    [thrown('NotFound', 404, 'UnknownError'), 'not_found'],
    [thrown('ConflictException', 400, 'The token was used'), 'upstream_refused_shape'],
    [thrown('ValidationException', 400, 'The provided model identifier is invalid.'), 'model_not_found'],
    [thrown('InternalServerException', 500, 'Oops'), 'upstream_fault'],
    [thrown('ServiceUnavailableException', 503, 'Later'), 'upstream_overloaded'],
    [thrown('SyntaxError', 200, 'Unexpected token <'), 'upstream_malformed'],
    [thrown('TimeoutError', undefined, 'Connection timed out'), 'upstream_timeout'],
    [thrown('TimeoutError', undefined, 'socket hang up', { code: 'ECONNRESET' }), 'upstream_unreachable'],
    [thrown('Error', undefined, 'connect', { code: 'ECONNREFUSED' }), 'upstream_unreachable'],
    [thrown('CredentialsProviderError', undefined, 'Could not load credentials'), 'upstream_auth'],
  ];
  for (const [error, code] of table)
    test(`${error.name} "${error.message}" is ${code}`, () => {
      const read = readClientError(error, 0);
      assert.equal(read.code, code);
      assert.notEqual(read.message, '');
      assert.ok(!read.message.includes('UnknownError'));
    });

  test('tells what AWS said of the wait and of the request', () => {
    const read = readClientError(thrown('ThrottlingException', 429, 'Rate exceeded'), 0);
    assert.equal(read.retryAfterMs, 7000);
    assert.deepEqual(read.upstream, { status: 429, type: 'ThrottlingException', requestId: 'req-1' });
  });

  test('is ours where it was ours', () => {
    const own = new GatewayError('upstream_auth', 'The role could not be assumed.');
    assert.equal(readClientError(own, 0), own);
  });
});

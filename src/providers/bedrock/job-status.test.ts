import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endOf, readJobFailure, readRunning } from './job-status.ts';

describe('states of jobs', () => {
  const running: readonly (readonly [string, string])[] = [
    ['Submitted', 'queued'],
    ['Validating', 'queued'],
    ['Scheduled', 'queued'],
    ['InProgress', 'running'],
    ['Stopping', 'cancelling'],
    ['Paused', 'running'],
    ['constructor', 'running'],
  ];
  for (const [status, state] of running)
    test(`${status} is ${state}, and no end`, () => {
      assert.equal(endOf({ status }), undefined);
      assert.deepEqual(readRunning({ status }), { kind: 'running', state });
    });

  test('tell how far they are, where AWS does', () => {
    assert.deepEqual(readRunning({ status: 'InProgress', successRecordCount: 40, errorRecordCount: 2 }), {
      kind: 'running',
      state: 'running',
      done: 40,
      failed: 2,
    });
  });

  const ended: readonly (readonly [string, string])[] = [
    ['Completed', 'completed'],
    ['PartiallyCompleted', 'completed'],
    ['Expired', 'expired'],
    ['Stopped', 'cancelled'],
    ['Failed', 'failed'],
  ];
  for (const [status, how] of ended) test(`${status} is an end`, () => assert.equal(endOf({ status }), how));
});

describe('reasons of failed jobs', () => {
  const reasons: readonly (readonly [string | undefined, string])[] = [
    ['Batch job contains less records (99) than the required minimum of: 100', 'upstream_refused_shape'],
    ['The provided role does not have permission to access the input S3 location.', 'upstream_auth'],
    ['Access denied to s3://acme/input.jsonl', 'upstream_auth'],
    ['The number of jobs exceeds the quota', 'rate_limited'],
    ['The provided model identifier is invalid.', 'model_not_found'],
    ['An internal error occurred.', 'upstream_fault'],
    ['Record 3 is malformed.', 'upstream_refused_shape'],
    [undefined, 'upstream_refused_shape'],
  ];
  for (const [message, code] of reasons)
    test(`"${message}" is ${code}`, () => {
      const error = readJobFailure({ status: 'Failed', message });
      assert.equal(error.code, code);
      assert.notEqual(error.message, '');
    });
});

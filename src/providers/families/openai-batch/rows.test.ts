/** Rows and states as servers spell them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../core/errors.ts';
import { LineSplitter } from '../../../wire/jsonl.ts';
import { keyOf, readRow } from './rows.ts';
import { createdAtMs, readStatus } from './status.ts';

const job = 's0123456789a';
const readError = ({ status }: { readonly status: number }) =>
  new GatewayError(status >= 500 ? 'upstream_fault' : 'invalid_request', `status ${status}`);

function row(value: unknown) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const [line] = new LineSplitter().push(Buffer.from(`${text}\n`));
  assert.ok(line !== undefined);
  const result = readRow(line, job, readError);
  return result.kind === 'failed' ? `${result.kind} ${result.key} ${result.error.code}` : result;
}
const answered = (status: unknown, body: unknown) => ({
  custom_id: `${job}-7`,
  response: { status_code: status, request_id: 'r', body },
  error: null,
});

describe('a row', () => {
  test('is an answer only with a success and a body', () => {
    assert.deepEqual(row(answered(200, { id: 'x' })), { kind: 'answered', key: 7, body: { id: 'x' } });
    assert.equal(row(answered(200, null)), 'failed 7 upstream_malformed');
    assert.equal(row(answered(200, 'text')), 'failed 7 upstream_malformed');
    assert.equal(row(answered(0, { id: 'x' })), 'failed 7 upstream_fault');
    assert.equal(row(answered(undefined, {})), 'failed 7 upstream_fault');
    assert.equal(row(answered(400, { error: { message: 'no' } })), 'failed 7 invalid_request');
    assert.equal(row(answered(503, 'busy')), 'failed 7 upstream_fault');
  });

  test('tells what was not executed', () => {
    const unsaid = (error: unknown) => row({ custom_id: `${job}-7`, response: null, error });
    assert.deepEqual(unsaid({ code: 'batch_expired' }), { kind: 'expired', key: 7 });
    assert.deepEqual(unsaid({ code: 'batch_cancelled' }), { kind: 'cancelled', key: 7 });
    assert.equal(unsaid({ code: 'request_timeout', message: 'late' }), 'failed 7 upstream_timeout');
    assert.equal(unsaid(null), 'failed 7 upstream_fault');
  });

  test('of another job, or of none, cannot be read; its text is told to nobody', () => {
    const wrong = [
      { custom_id: 's0123456789b-7' },
      { custom_id: job },
      { custom_id: `${job}-x` },
      {},
      [],
      'secret{',
    ];
    for (const value of wrong) {
      const result = row(value);
      assert.ok(typeof result === 'object' && result.kind === 'unreadable');
      assert.doesNotMatch(result.message, /secret/);
    }
    assert.equal(keyOf(job, `${job}-0000000000000000001`), undefined);
    assert.equal(keyOf(job, `${job}-12`), 12);
  });
});

describe('a state', () => {
  test('is known however it is spelled, and running where nobody has heard of it', () => {
    for (const status of ['in_progress', 'In_Progress', 'InProgress', 'IN_PROGRESS', 'pondering', undefined])
      assert.deepEqual(readStatus({ status }), { kind: 'running', state: 'running' });
    for (const status of ['validating', 'Validating', 'pre_schedule'])
      assert.deepEqual(readStatus({ status, request_counts: { total: null, completed: null } }), {
        kind: 'running',
        state: 'queued',
      });
    assert.deepEqual(readStatus({ status: 'finalizing', request_counts: { completed: 3, failed: 1 } }), {
      kind: 'running',
      state: 'finishing',
      done: 3,
      failed: 1,
    });
    for (const [status, how] of [
      ['Completed', 'completed'],
      ['EXPIRED', 'expired'],
      ['cancelled', 'cancelled'],
      ['canceled', 'cancelled'],
    ] as const)
      assert.deepEqual(readStatus({ status }), { kind: 'ended', how });
  });

  test('failed tells why, and is a refusal where there was no room', () => {
    const failed = (errors: unknown) => {
      const status = readStatus({ status: 'Failed', errors });
      assert.ok(status.kind === 'ended');
      return [status.how, status.error?.code, status.error?.message];
    };
    const list = (code: string, message: string, line?: number) => ({ data: [{ code, message, line }] });
    assert.deepEqual(failed(list('token_limit_exceeded', 'Full for org-abcdefgh.')), [
      'refused',
      'rate_limited',
      'Full for [redacted].',
    ]);
    assert.deepEqual(failed(list('invalid_json_line', 'Broken.', 3)), [
      'failed',
      'upstream_refused_shape',
      'Broken. (line 3)',
    ]);
    assert.deepEqual(failed(list('billing_hard_limit_reached', 'Pay.')).slice(0, 2), [
      'failed',
      'quota_exhausted',
    ]);
    for (const errors of [null, [], { data: null }, undefined])
      assert.deepEqual(failed(errors).slice(0, 2), ['failed', 'upstream_fault']);
  });

  test('times are seconds or dates', () => {
    assert.equal(createdAtMs({ created_at: 1_744_391_935 }), 1_744_391_935_000);
    assert.equal(createdAtMs({ created_at: '2025-04-11T17:18:55Z' }), 1_744_391_935_000);
    for (const created_at of [null, undefined, 'soon']) assert.equal(createdAtMs({ created_at }), undefined);
  });
});

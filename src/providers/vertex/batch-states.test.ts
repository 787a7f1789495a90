import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readJobStatus } from './batch-states.ts';
import { readGeminiFailure } from './gemini.ts';

const read = (fields: object) =>
  readJobStatus(
    { ...fields },
    readGeminiFailure(() => 0),
  );

describe('the state of a job', () => {
  const table: readonly (readonly [string, object])[] = [
    ['QUEUED', { kind: 'running', state: 'queued' }],
    ['PENDING', { kind: 'running', state: 'queued' }],
    ['RUNNING', { kind: 'running', state: 'running' }],
    ['PAUSED', { kind: 'running', state: 'running' }],
    ['UPDATING', { kind: 'running', state: 'running' }],
    ['CANCELLING', { kind: 'running', state: 'cancelling' }],
    ['SUCCEEDED', { kind: 'ended', how: 'completed' }],
    ['PARTIALLY_SUCCEEDED', { kind: 'ended', how: 'completed' }],
    ['CANCELLED', { kind: 'ended', how: 'cancelled' }],
    ['EXPIRED', { kind: 'ended', how: 'expired' }],
  ];
  for (const [state, status] of table)
    test(`${state} is ${Object.values(status).join(', ')}`, () =>
      assert.deepEqual(read({ state: `JOB_STATE_${state}` }), status));

  test('that nobody has heard of goes on', () => {
    for (const fields of [{ state: 'JOB_STATE_SEALED' }, { state: 'JOB_STATE_UNSPECIFIED' }, {}])
      assert.deepEqual(read(fields), { kind: 'running', state: 'running' });
  });

  test('comes with counts, which are int64 as text, and -1 where nobody counts', () => {
    const stats = { successfulCount: '2', failedCount: '-1', incompleteCount: '-1' };
    assert.deepEqual(read({ state: 'JOB_STATE_RUNNING', completionStats: stats }), {
      kind: 'running',
      state: 'running',
      done: 2,
    });
    assert.deepEqual(read({ state: 'JOB_STATE_RUNNING', completionStats: { successfulCount: '' } }), {
      kind: 'running',
      state: 'running',
    });
  });
});

describe('a job that failed', () => {
  const failed = { state: 'JOB_STATE_FAILED', error: { code: 5, message: 'gs://b/i.jsonl does not exist' } };

  test('before it began is refused: its items cost nothing', () => {
    const status = read(failed);
    assert.ok(status.kind === 'ended' && status.how === 'refused');
    assert.equal(status.error?.upstream?.type, 'NOT_FOUND');
  });

  test('after it began may hold answers, which are read', () => {
    for (const fields of [
      { startTime: '2026-11-20T10:00:00Z' },
      { completionStats: { successfulCount: '1' } },
      { outputInfo: { gcsOutputDirectory: 'gs://b/o' } },
    ]) {
      const status = read({ ...failed, ...fields });
      assert.equal(status.kind === 'ended' ? status.how : status.kind, 'failed', JSON.stringify(fields));
    }
  });

  test('for want of room is rate limited', () => {
    const status = read({ ...failed, error: { code: 8, message: 'Resource exhausted.' } });
    assert.equal(status.kind === 'ended' ? status.error?.code : undefined, 'rate_limited');
  });

  test('without a reason, or with a strange one, has an error all the same', () => {
    for (const error of [undefined, {}, { code: 99 }, 'no']) {
      const status = read({ state: 'JOB_STATE_FAILED', error });
      assert.equal(status.kind === 'ended' ? status.error?.code : undefined, 'upstream_fault');
    }
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf } from '../../../../test/support/batch-shape.ts';
import type { Batch } from '../../../batch/contract.ts';
import { encodeBatch } from './batch-object.ts';

const counts = { total: 10, done: 4, failed: 3, cancelled: 2, expired: 1 };
const endedAtMs = 1_800_000_100_000;

describe('a batch as Anthropic shows it', () => {
  const open: readonly [Partial<Batch>, string][] = [
    [{ state: 'assembling' }, 'in_progress'],
    [{ state: 'running' }, 'in_progress'],
    [{ state: 'finishing' }, 'in_progress'],
    [{ state: 'cancelling', cancellingAtMs: 5 }, 'canceling'],
    [{ state: 'finishing', cancellingAtMs: 5 }, 'canceling'],
  ];
  for (const [changes, status] of open)
    test(`is ${status}, all of it still processing, where it is ${JSON.stringify(changes)}`, () => {
      const batch = encodeBatch(batchOf({ counts, ...changes }), 'http://a');
      assert.equal(batch.processing_status, status);
      assert.deepEqual(batch.request_counts, {
        processing: 10,
        succeeded: 0,
        errored: 0,
        canceled: 0,
        expired: 0,
      });
      assert.deepEqual([batch.results_url, batch.ended_at], [null, null]);
    });

  for (const state of ['completed', 'failed', 'cancelled', 'expired'] as const)
    test(`has ended where it is ${state}`, () => {
      const batch = encodeBatch(batchOf({ id: 'msgbatch_1', counts, state, endedAtMs }), 'http://a');
      assert.equal(batch.processing_status, 'ended');
      assert.deepEqual(batch.request_counts, {
        processing: 0,
        succeeded: 4,
        errored: 3,
        canceled: 2,
        expired: 1,
      });
      assert.equal(batch.results_url, 'http://a/v1/messages/batches/msgbatch_1/results');
      assert.equal(batch.ended_at, '2027-01-15T08:01:40.000Z');
    });
});

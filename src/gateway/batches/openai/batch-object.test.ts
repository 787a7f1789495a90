import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf } from '../../../../test/support/batch-shape.ts';
import type { Batch } from '../../../batch/contract.ts';
import { encodeBatch } from './batch-object.ts';

const shown = (changes: Partial<Batch>) => JSON.parse(JSON.stringify(encodeBatch(batchOf(changes))));

describe('a batch as OpenAI shows it', () => {
  const at = 1_800_000_100_999;
  const table: readonly [Partial<Batch>, string, string | undefined][] = [
    [{ state: 'assembling' }, 'validating', undefined],
    [{ state: 'running', runningAtMs: at }, 'in_progress', 'in_progress_at'],
    [{ state: 'finishing', finishingAtMs: at }, 'finalizing', 'finalizing_at'],
    [{ state: 'cancelling', cancellingAtMs: at }, 'cancelling', 'cancelling_at'],
    [{ state: 'finishing', cancellingAtMs: at }, 'cancelling', 'cancelling_at'],
    [{ state: 'completed', endedAtMs: at }, 'completed', 'completed_at'],
    [{ state: 'failed', endedAtMs: at }, 'failed', 'failed_at'],
    [{ state: 'cancelled', endedAtMs: at }, 'cancelled', 'cancelled_at'],
    [{ state: 'expired', endedAtMs: at }, 'expired', 'expired_at'],
  ];
  const times = Object.keys(shown({})).filter((key) => key.endsWith('_at') && key !== 'created_at');
  for (const [changes, status, stamped] of table)
    test(`is ${status} where it is ${JSON.stringify(changes)}`, () => {
      const batch = shown(changes);
      assert.equal(batch.status, status);
      for (const time of times.filter((one) => one !== 'expires_at'))
        assert.equal(batch[time], time === stamped ? 1_800_000_100 : null, time);
    });

  test('has every field, those without a value as null', () => {
    const { intermodal, ...batch } = shown({ inputFileId: 'file-1', model: 'm', costNanoUsd: 1500 });
    assert.deepEqual(batch, {
      id: 'batch_1',
      object: 'batch',
      endpoint: '/v1/chat/completions',
      model: 'm',
      errors: null,
      input_file_id: 'file-1',
      completion_window: '24h',
      status: 'in_progress',
      output_file_id: null,
      error_file_id: null,
      created_at: 1_800_000_000,
      in_progress_at: null,
      expires_at: 1_800_086_400,
      finalizing_at: null,
      completed_at: null,
      failed_at: null,
      expired_at: null,
      cancelling_at: null,
      cancelled_at: null,
      request_counts: { total: 0, completed: 0, failed: 0 },
      usage: {
        input_tokens: 0,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 0,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 0,
      },
      metadata: null,
    });
    assert.equal(intermodal.cost_usd, 0.0000015);
  });

  test('tells cached input, hidden output and what was saved, also where nothing was', () => {
    const tokens = { inputTokens: 100, cacheReadTokens: 60, outputTokens: 20, reasoningTokens: 7 };
    const batch = shown({ ...tokens, costNanoUsd: 500_000_000, listNanoUsd: 2_000_000_000 });
    assert.deepEqual(batch.usage, {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 60 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 7 },
      total_tokens: 120,
    });
    assert.equal(batch.intermodal.saved_usd, 1.5);
    assert.equal(shown({ costNanoUsd: 500_000_000 }).intermodal.saved_usd, -0.5);
  });

  test('says what is open, what was saved and until when it must be done', () => {
    const counts = { total: 9, done: 3, failed: 2, cancelled: 1, expired: 1 };
    const { intermodal } = shown({ counts, costNanoUsd: 2_000_000_000, listNanoUsd: 5_000_000_000 });
    assert.deepEqual(
      [intermodal.open, intermodal.saved_usd, intermodal.deadline_at, intermodal.cancelled],
      [2, 3, 1_800_086_400, 1],
    );
  });
});

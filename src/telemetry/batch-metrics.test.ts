import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { readFirstBatch } from '../../test/support/batch-rows.ts';
import type { Batch } from '../batch/contract.ts';
import type { SubmissionAges } from '../stores/batch/contract.ts';
import { BatchMetrics } from './batch-metrics.ts';
import type { Log } from './log.ts';
import { MetricSet } from './metrics.ts';

const quiet: Log = { info() {}, warn() {}, error() {}, request() {}, flush() {} };

describe('what is counted of batches', () => {
  let set: MetricSet;
  let metrics: BatchMetrics;
  let ages: readonly SubmissionAges[];
  let batch: Batch;

  beforeEach(async () => {
    set = new MetricSet();
    ages = [];
    metrics = new BatchMetrics(set, quiet, { ages: () => ages, nowMs: () => 100_000 });
    batch = {
      ...(await readFirstBatch()),
      state: 'completed',
      model: 'nightly',
      estimateNanoUsd: 2e9,
      costNanoUsd: 3e9,
      listNanoUsd: 8e9,
    };
  });

  async function rows(pattern: RegExp): Promise<readonly string[]> {
    return (await set.text()).split('\n').filter((line) => pattern.test(line) && !line.startsWith('#'));
  }

  test('forecast and bill of the same completed batches, by the model that their lines name', async () => {
    metrics.batchEnded(batch);
    metrics.batchEnded(batch);
    const { model: _, ...several } = batch;
    metrics.batchEnded(several);
    assert.deepEqual(await rows(/forecast|paid/), [
      'intermodal_batch_forecast_usd_total{model="nightly"} 4',
      'intermodal_batch_forecast_usd_total{model=""} 2',
      'intermodal_batch_paid_usd_total{model="nightly"} 6',
      'intermodal_batch_paid_usd_total{model=""} 3',
    ]);
  });

  test('what was cancelled or expired is in the bill, and in no comparison', async () => {
    for (const state of ['cancelled', 'expired', 'failed'] as const) metrics.batchEnded({ ...batch, state });
    assert.deepEqual(await rows(/forecast|paid/), []);
    assert.deepEqual(await rows(/cost/), ['intermodal_batch_cost_usd_total 9']);
  });

  test('how old submissions are, as they were last looked up', async () => {
    assert.deepEqual(await rows(/oldest|late/), []);
    ages = [{ target: 'openai/gpt-4.1-nano@batch', oldestSentAtMs: 40_000, late: 2 }];
    assert.deepEqual(await rows(/oldest|late/), [
      'intermodal_batch_oldest_submission_seconds{target="openai/gpt-4.1-nano@batch"} 60',
      'intermodal_batch_late_submissions{target="openai/gpt-4.1-nano@batch"} 2',
    ]);
    ages = [];
    assert.deepEqual(await rows(/oldest|late/), []);
  });
});

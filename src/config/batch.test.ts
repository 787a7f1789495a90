import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batch } from './batch.ts';

describe('the section on batch work', () => {
  test('left out, is what most want', () => {
    assert.deepEqual(batch.parse({}), {
      blobs: 'intermodal-blobs',
      keep: 30 * 86_400_000,
      reuse: 0,
      failure_alert: 0.05,
      late_alert: 20 * 3_600_000,
      poll: [60_000, 120_000, 240_000, 300_000],
      retry: [60_000, 300_000],
      look_again: 120_000,
      lease: 30_000,
      submission_items: 50_000,
      sync: { concurrent: 16 },
      webhooks: { allow_private: false, jobs_signature_header: 'X-Holysheep-Signature' },
      prefilter: [],
    });
  });

  test('takes what a user writes', () => {
    const read = batch.parse({
      blobs: 's3://acme-batch/blobs',
      keep: '1d12h',
      reuse: '7d',
      poll: ['5s'],
      sync: { concurrent: '1k', rpm: 600 },
      webhooks: { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, allow_private: true },
      prefilter: [{ when: { matches: '(?i)^unsubscribe$', max_chars: 20 }, answer: '{"label":"opt-out"}' }],
    });
    assert.equal(read.keep, 36 * 3_600_000);
    assert.equal(read.reuse, 7 * 86_400_000);
    assert.deepEqual(read.sync, { concurrent: 1000, rpm: 600 });
    assert.equal(batch.parse({ reuse: false }).reuse, 0);
    for (const blobs of ['s3://bucket', 's3://bucket/a/b', '/var/blobs', 'C:\\blobs', './x'])
      assert.equal(batch.parse({ blobs }).blobs, blobs);
  });
});

/** Which accounts and models have batches, as configured. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import { jobsAddress } from './address.ts';
import { provider } from './index.ts';
import { settings } from './settings.ts';

const gemini = 'gemini-2.5-flash';
const claude = 'claude-haiku-4-5-20251001';

describe('settings', () => {
  const refusals: readonly (readonly [string, object, RegExp])[] = [
    ['two places', { gcs: 'gs://acme-batch', bigquery: 'bq://acme.batch' }, /name one place/],
    ['no place', {}, /name one place/],
    ['a bucket without its scheme', { gcs: 'acme-batch' }, /such as gs:\/\/acme-batch/],
    ['a dataset without its project', { bigquery: 'bq://batch' }, /such as bq:\/\/acme\.batch/],
    ['a misspelled key', { gcs: 'gs://acme-batch', bucket: 'x' }, /bucket/],
  ];
  for (const [what, batch, message] of refusals)
    test(`${what} is refused, with what would be right`, () => {
      const parsed = settings.safeParse({ project: 'acme', batch });
      assert.match(parsed.error?.message ?? '', message);
    });

  test('a key of express mode makes no jobs, and is told so', () => {
    const parsed = settings.safeParse({ api_key: 'k', batch: { gcs: 'gs://acme-batch' } });
    assert.match(parsed.error?.message ?? '', /takes no api_key/);
  });

  test('without a place, or without a project, there is no batch', () => {
    const world = { env: {}, clock: systemClock };
    assert.equal(provider.create('v', settings.parse({ project: 'acme' }), world).batch, undefined);
    const batch = { gcs: 'gs://acme-batch' };
    assert.equal(provider.create('v', settings.parse({ batch }), world).batch, undefined);
  });

  test('Claude reads no Cloud Storage in the location global, and BigQuery there; nobody embeds', () => {
    const make = (batch: object, location: string) =>
      provider.create('v', settings.parse({ project: 'acme', location, batch }), {
        env: {},
        clock: systemClock,
      });
    const gcs = { gcs: 'gs://acme-batch' };
    assert.equal(make(gcs, 'global').batch?.(modelInfo(claude), 'chat'), undefined);
    assert.ok(make(gcs, 'global').batch?.(modelInfo(gemini), 'chat'));
    assert.ok(make(gcs, 'us-east5').batch?.(modelInfo(claude), 'chat'));
    assert.ok(make({ bigquery: 'bq://acme.batch' }, 'global').batch?.(modelInfo(claude), 'chat'));
    assert.equal(make(gcs, 'us-east5').batch?.(modelInfo('gemini-embedding-001'), 'embedding'), undefined);
  });

  test('jobs are made where models are called', () => {
    for (const [location, origin] of [
      ['us-central1', 'https://us-central1-aiplatform.googleapis.com'],
      ['global', 'https://aiplatform.googleapis.com'],
      ['eu', 'https://aiplatform.eu.rep.googleapis.com'],
    ])
      assert.deepEqual(jobsAddress(settings.parse({ location }), 'acme'), {
        base: { origin, path: '/v1' },
        parent: `projects/acme/locations/${location}`,
      });
  });
});

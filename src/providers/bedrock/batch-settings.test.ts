import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import type { Provider } from '../contract.ts';
import { provider } from './index.ts';

const claude = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const nova = 'us.amazon.nova-micro-v1:0';

function account(batch: object | undefined): Provider {
  const place = { s3: 's3://acme-batch/jobs', role_arn: 'arn:aws:iam::111122223333:role/batch' };
  const settings = provider.settings.parse({
    region: 'us-west-2',
    ...(batch === undefined ? {} : { batch: { ...place, ...batch } }),
  });
  return provider.create('bedrock', settings, { env: {}, clock: systemClock });
}

describe('what an account offers', () => {
  test('is no batch without a bucket', () => {
    assert.equal(account(undefined).batch, undefined);
  });

  test('is a job for chats of all models, and embeddings of Amazon’s', () => {
    const { batch } = account({});
    assert.ok(batch?.(modelInfo(claude), 'chat'));
    assert.ok(batch?.(modelInfo(nova), 'chat'));
    assert.ok(batch?.(modelInfo('amazon.titan-embed-text-v2:0'), 'embedding'));
    assert.equal(batch?.(modelInfo('cohere.embed-v4:0'), 'embedding'), undefined);
  });

  test('has neither tools nor structured output', () => {
    const lacks = account({}).batch?.(modelInfo(claude), 'chat')?.lacks;
    assert.deepEqual([...(lacks ?? [])], ['tools', 'structured-output']);
  });

  test('has the account’s own quotas', () => {
    const limits = account({ least_items: 10, most_items: 20, most_bytes: 30, timeout_hours: 48 }).batch?.(
      modelInfo(claude),
      'chat',
    )?.limits;
    assert.deepEqual(
      { ...limits, envelopeBytes: 0 },
      { leastItems: 10, mostItems: 20, mostBytes: 30, windowMs: 172_800_000, envelopeBytes: 0 },
    );
  });

  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ s3: 'acme-batch' }, /must be a bucket and perhaps a prefix, such as s3:/],
    [{ role_arn: 'batch' }, /must be the ARN of a role, such as arn:aws:iam::/],
    [{ timeout_hours: 12 }, /24/],
    [{ bucket_owner: 'me' }, /twelve digits/],
    [{ gcs: 'gs://x' }, /gcs/],
  ];
  for (const [batch, message] of wrong)
    test(`is refused with ${JSON.stringify(batch)}`, () => assert.throws(() => account(batch), message));
});

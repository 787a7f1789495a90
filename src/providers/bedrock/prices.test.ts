import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Dollars, dollarsOf, november2026 } from '../../../test/support/prices.ts';
import { costOf } from '../../core/price.ts';
import type { Mode } from '../../core/target.ts';
import { createPrices } from './prices.ts';

const price = createPrices(() => november2026);
const profile = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/';

const known: readonly (readonly [model: string, mode: Mode, dollars: Dollars])[] = [
  ['us.anthropic.claude-haiku-4-5-20251001-v1:0', 'sync', [1.1, 5.5, 0.11, 1.375, 2.2]],
  ['anthropic.claude-haiku-4-5-20251001-v1:0', 'sync', [1.1, 5.5, 0.11, 1.375, 2.2]],
  ['global.anthropic.claude-haiku-4-5-20251001-v1:0', 'sync', [1, 5, 0.1, 1.25, 2]],
  [`${profile}us.anthropic.claude-haiku-4-5-20251001-v1:0`, 'sync', [1.1, 5.5, 0.11, 1.375, 2.2]],
  ['us.anthropic.claude-haiku-4-5-20251001-v1:0', 'queue', [1.1, 5.5, 0.11, 1.375, 2.2]],
  ['us.anthropic.claude-haiku-4-5-20251001-v1:0', 'batch', [0.55, 2.75]],
  ['us.anthropic.claude-sonnet-4-6', 'sync', [3.3, 16.5, 0.33, 4.125, 6.6]],
  ['us.anthropic.claude-opus-5-5', 'sync', [4.4, 22, 0.22, 5.5, 8.8]],
  ['eu.anthropic.claude-opus-4-5-20251101-v1:0', 'sync', [5.5, 27.5, 0.55, 6.875, 11]],
  ['anthropic.claude-3-haiku-20240307-v1:0', 'sync', [0.25, 1.25]],
  ['us.amazon.nova-pro-v1:0', 'sync', [0.8, 3.2, 0.2]],
  ['us.amazon.nova-pro-v1:0', 'flex', [0.4, 1.6, 0.1]],
  ['us.amazon.nova-pro-v1:0', 'batch', [0.4, 1.6]],
  ['us.meta.llama3-3-70b-instruct-v1:0', 'batch', [0.36, 0.36]],
  ['openai.gpt-oss-120b-1:0', 'flex', [0.075, 0.3]],
  ['amazon.titan-embed-text-v1', 'sync', [0.1, 0]],
  ['amazon.titan-embed-text-v2:0', 'sync', [0.02, 0]],
];

describe('what Bedrock asks', () => {
  for (const [model, mode, dollars] of known)
    test(`${model} by ${mode} is ${dollars.join(', ')}`, () =>
      assert.deepEqual(dollarsOf(price(model, mode)), dollars));

  test('counts the tier that served', () => {
    const nova = price('us.amazon.nova-pro-v1:0', 'sync');
    assert.ok(nova);
    const cost = (serviceTier: string) => costOf(nova, { inputTokens: 1000, serviceTier });
    assert.deepEqual(
      ['default', 'flex', 'priority', 'reserved'].map(cost),
      [800_000, 400_000, 1_400_000, 800_000],
    );
  });

  test('is unknown for flex of Claude, for profiles without a model’s name, and for what is in no list', () => {
    assert.equal(price('us.anthropic.claude-haiku-4-5-20251001-v1:0', 'flex'), undefined);
    assert.equal(price(`${profile.replace('inference', 'application-inference')}a1b2c3`, 'sync'), undefined);
    assert.equal(price('global.anthropic.claude-sonnet-5-5', 'sync'), undefined);
    assert.equal(price('us.amazon.nova-ultra-v1:0', 'sync'), undefined);
    assert.equal(price('cohere.embed-v4:0', 'sync'), undefined);
  });
});

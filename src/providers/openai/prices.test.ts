import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Dollars, dollarsOf, november2026 } from '../../../test/support/prices.ts';
import { listPrice } from '../../catalog/list-price.ts';
import { costOf } from '../../core/price.ts';
import type { Mode } from '../../core/target.ts';
import { ownPrices } from '../families/openai-prices.ts';
import { createPrices } from './prices.ts';

const price = createPrices(() => november2026);

const known: readonly (readonly [model: string, mode: Mode, dollars: Dollars])[] = [
  ['gpt-4.1', 'sync', [2, 8, 0.5]],
  ['gpt-4.1', 'queue', [2, 8, 0.5]],
  ['gpt-4.1', 'batch', [1, 4, 0.25]],
  ['gpt-4.1-mini', 'batch', [0.2, 0.8, 0.05]],
  ['gpt-4.1-nano', 'batch', [0.05, 0.2, 0.0125]],
  ['gpt-5', 'flex', [0.625, 5, 0.0625]],
  ['gpt-5-mini-2025-08-07', 'flex', [0.125, 1, 0.0125]],
  ['o3', 'flex', [1, 4, 0.25]],
  ['o4-mini', 'flex', [0.55, 2.2, 0.1375]],
  ['gpt-6-sol', 'sync', [2, 10, 0.2, 2.5]],
  ['gpt-6.1-sol', 'sync', [2, 10, 0.1, 2.5]],
  ['gpt-6.1-terra', 'sync', [1, 5, 0.05, 1.25]],
  ['gpt-6.1-terra', 'flex', [0.5, 2.5, 0.025, 0.625]],
  ['gpt-6.1-terra-2026-10-20', 'batch', [0.5, 2.5, 0.025, 0.625]],
  ['text-embedding-3-small', 'sync', [0.02, 0]],
  ['text-embedding-3-small', 'batch', [0.01, 0]],
];

describe('what OpenAI asks', () => {
  for (const [model, mode, dollars] of known)
    test(`${model} by ${mode} is ${dollars.join(', ')}`, () =>
      assert.deepEqual(dollarsOf(price(model, mode)), dollars));

  test('is twice the input and half as much again for the output of long prompts', () =>
    assert.deepEqual(dollarsOf(price('gpt-6.1-sol', 'sync'), 1), [4, 15, 0.2, 5]));

  test('is unknown for flex where a model has none, and for models that nobody knows', () => {
    for (const model of ['gpt-4.1', 'gpt-4o', 'gpt-5-chat', 'o3-pro', 'o3-mini', 'text-embedding-3-small'])
      assert.equal(price(model, 'flex'), undefined, model);
    for (const mode of ['sync', 'queue', 'flex', 'batch'] as const)
      assert.equal(price('gpt-9', mode), undefined);
  });

  test('is told apart for audio', () => {
    const rates = price('gpt-4o-audio-preview-2024-12-17', 'sync')?.tiers[0].rates;
    assert.deepEqual([rates?.audioInput, rates?.audioOutput], [40_000, 80_000]);
  });

  test('counts the tier that served', () => {
    const tiers: readonly (readonly [model: string, tier: string, perThousand: number])[] = [
      ['gpt-4.1', 'default', 2_000_000],
      ['gpt-4.1', 'priority', 3_500_000],
      ['gpt-4.1', 'fast', 3_500_000],
      ['gpt-4.1-nano', 'priority', 200_000],
      ['gpt-4o-mini', 'priority', 250_000],
      ['gpt-5', 'flex', 625_000],
      ['gpt-5', 'priority', 2_500_000],
      ['gpt-5-mini', 'priority', 450_000],
      ['gpt-5.5', 'priority', 12_500_000],
      ['o4-mini', 'priority', 2_000_000],
    ];
    for (const [model, serviceTier, nano] of tiers) {
      const found = price(model, 'sync');
      assert.ok(found);
      assert.equal(costOf(found, { inputTokens: 1000, serviceTier }), nano, `${model} ${serviceTier}`);
    }
  });

  test('is the standard price where flex was served as standard', () => {
    const flex = price('gpt-5', 'flex');
    assert.ok(flex);
    assert.equal(costOf(flex, { inputTokens: 1000, serviceTier: 'flex' }), 625_000);
    assert.equal(costOf(flex, { inputTokens: 1000, serviceTier: 'default' }), 1_250_000);
  });

  test('stays half in a batch whose answers say that they are standard', () => {
    const batch = price('gpt-4.1', 'batch');
    assert.ok(batch);
    assert.equal(costOf(batch, { inputTokens: 1000, serviceTier: 'default' }), 1_000_000);
  });
});

test('prices of our own say what the list still does not', () => {
  for (const [model, own] of Object.entries(ownPrices))
    assert.notDeepEqual(listPrice('openai', model, november2026), own, `the list knows ${model} by now`);
});

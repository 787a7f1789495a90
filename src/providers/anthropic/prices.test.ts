import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Dollars, dollarsOf, november2026 } from '../../../test/support/prices.ts';
import { listPrice } from '../../catalog/list-price.ts';
import type { Mode } from '../../core/target.ts';
import { ownPrices } from '../families/claude-prices.ts';
import { createPrices } from './prices.ts';

const price = createPrices(() => november2026);

const known: readonly (readonly [model: string, mode: Mode, dollars: Dollars])[] = [
  ['claude-haiku-4-5', 'sync', [1, 5, 0.1, 1.25, 2]],
  ['claude-haiku-4-5-20251001', 'queue', [1, 5, 0.1, 1.25, 2]],
  ['claude-haiku-4-5', 'batch', [0.5, 2.5, 0.05, 0.625, 1]],
  ['claude-sonnet-4-5', 'sync', [3, 15, 0.3, 3.75, 6]],
  ['claude-sonnet-4-6', 'batch', [1.5, 7.5, 0.15, 1.875, 3]],
  ['claude-opus-4-8', 'batch', [2.5, 12.5, 0.25, 3.125, 5]],
  ['claude-opus-5-5', 'sync', [4, 20, 0.2, 5, 8]],
  ['claude-sonnet-5', 'sync', [2, 10, 0.2, 2.5, 4]],
  ['claude-sonnet-5-5', 'sync', [2, 10, 0.1, 2.5, 4]],
  ['claude-haiku-5-5', 'sync', [0.1, 0.5, 0.01, 0.125, 0.2]],
  ['claude-haiku-5-5', 'batch', [0.05, 0.25, 0.005, 0.0625, 0.1]],
  ['claude-fable-5-2', 'sync', [8, 40, 0.2, 10, 16]],
  ['claude-3-5-haiku-latest', 'sync', [0.8, 4, 0.08, 1, 1.6]],
];

describe('what Anthropic asks', () => {
  for (const [model, mode, dollars] of known)
    test(`${model} by ${mode} is ${dollars.join(', ')}`, () =>
      assert.deepEqual(dollarsOf(price(model, mode)), dollars));

  test('rises for long prompts', () => {
    assert.deepEqual(dollarsOf(price('claude-sonnet-4-5', 'sync'), 1), [6, 22.5, 0.6, 7.5, 12]);
    assert.deepEqual(dollarsOf(price('claude-haiku-5-5', 'batch'), 1), [0.25, 1.25, 0.025, 0.3125, 0.5]);
    assert.equal(price('claude-haiku-5-5', 'sync')?.tiers[1]?.aboveInputTokens, 100_000);
  });

  test('is unknown for flex, which there is not, and where no page says it', () => {
    assert.equal(price('claude-haiku-4-5', 'flex'), undefined);
    assert.equal(price('claude-mythos-5-2', 'sync'), undefined);
    assert.equal(price('claude-sonnet-6', 'sync'), undefined);
  });
});

test('prices of our own say what the list still does not', () => {
  for (const [model, own] of Object.entries(ownPrices))
    assert.notDeepEqual(listPrice('anthropic', model, november2026), own, `the list knows ${model} by now`);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { costOf, type Price } from '../../core/price.ts';
import { priceIn, priceOn, type Terms } from './mode-price.ts';

const list: Price = {
  tiers: [
    {
      aboveInputTokens: 0,
      rates: { input: 1000, output: 4000, cacheRead: 100, cacheWrite5m: 1250, cacheWrite1h: 2000 },
    },
    { aboveInputTokens: 200_000, rates: { input: 2000, output: 8000, cacheRead: 200 } },
  ],
};
const served = { default: 1, flex: 0.5, priority: 1.75 };
const terms: Terms = {
  sync: { factor: 1, cache: 'stacks', served },
  flex: { factor: 0.5, cache: 'stacks', served },
};

describe('a mode’s price', () => {
  test('is the list’s in sync and in our own queue', () => {
    assert.deepEqual(priceIn('sync', terms, list)?.tiers, list.tiers);
    assert.deepEqual(priceIn('queue', terms, list), priceIn('sync', terms, list));
  });
  test('is unknown where the mode is not offered, or the list has none', () => {
    assert.equal(priceIn('batch', terms, list), undefined);
    assert.equal(priceIn('sync', terms, undefined), undefined);
  });
  test('discounts the cache’s rates too where discounts stack', () =>
    assert.deepEqual(priceOn({ factor: 0.5, cache: 'stacks' }, list), {
      tiers: [
        {
          aboveInputTokens: 0,
          rates: { input: 500, output: 2000, cacheRead: 50, cacheWrite5m: 625, cacheWrite1h: 1000 },
        },
        { aboveInputTokens: 200_000, rates: { input: 1000, output: 4000, cacheRead: 100 } },
      ],
    }));
  test('leaves a cached token its own rate where discounts do not stack', () =>
    assert.deepEqual(
      priceOn({ factor: 0.5, cache: 'replaces' }, list).tiers.map(({ rates }) => [
        rates.input,
        rates.cacheRead,
      ]),
      [
        [500, 100],
        [1000, 200],
      ],
    ));
  test('has no cache where the mode has none', () =>
    assert.deepEqual(priceOn({ factor: 0.5, cache: 'none' }, list).tiers[0].rates, {
      input: 500,
      output: 2000,
    }));
});

describe('the tier that served', () => {
  const usage = { inputTokens: 1000, outputTokens: 0 };
  const cost = (mode: 'sync' | 'flex', serviceTier: string) => {
    const price = priceIn(mode, terms, list);
    assert.ok(price);
    return costOf(price, { ...usage, serviceTier });
  };
  test('is what an answer costs, whatever mode asked for it', () => {
    for (const mode of ['sync', 'flex'] as const) {
      assert.equal(cost(mode, 'default'), 1_000_000);
      assert.equal(cost(mode, 'flex'), 500_000);
      assert.equal(cost(mode, 'priority'), 1_750_000);
    }
  });
  test('counts as the mode’s own where its word is unknown', () => {
    assert.equal(cost('sync', 'scale'), 1_000_000);
    assert.equal(cost('flex', 'scale'), 500_000);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { costOf, type Price } from '../../core/price.ts';
import { Tally } from './tally.ts';

const price: Price = {
  tiers: [
    { aboveInputTokens: 0, rates: { input: 100, cacheRead: 10, cacheWrite5m: 125, output: 400 } },
    { aboveInputTokens: 200_000, rates: { input: 200, cacheRead: 20, cacheWrite5m: 250, output: 600 } },
  ],
};
const weight = (inputTokens: number, cacheReadTokens = 0, cacheWriteTokens = 0) => ({
  inputTokens,
  cacheReadTokens,
  cacheWriteTokens,
  outputTokens: 10,
});

describe('a tally', () => {
  test('sums what it was given, and is nothing before', () => {
    const tally = new Tally();
    assert.equal(tally.sums.items, 0);
    assert.equal(tally.costNanoUsd(price, true), 0);
    tally.add(weight(0));
    tally.add(weight(70, 20, 5));
    assert.deepEqual(tally.sums, {
      items: 2,
      inputTokens: 70,
      cacheReadTokens: 20,
      cacheWriteTokens: 5,
      outputTokens: 20,
    });
    assert.equal(tally.costNanoUsd(undefined, true), 0);
  });

  test('costs what its requests cost one by one, long ones by the tier of long ones', () => {
    const tally = new Tally();
    const sizes = [...Array.from({ length: 99 }, (_, index) => 100 + index), 300_000, 400_000];
    for (const size of sizes) tally.add(weight(size));
    const one = sizes.reduce((sum, size) => sum + costOf(price, { inputTokens: size, outputTokens: 10 }), 0);
    assert.ok(Math.abs(tally.costNanoUsd(price, false) - one) <= sizes.length, `${one}`);
  });

  test('counts caches only where it is asked to', () => {
    const tally = new Tally();
    tally.add(weight(1_000, 400, 100));
    assert.equal(tally.costNanoUsd(price, false), 1_000 * 100 + 4_000);
    assert.equal(tally.costNanoUsd(price, true), 500 * 100 + 400 * 10 + 100 * 125 + 4_000);
  });
});

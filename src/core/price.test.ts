import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { costOf, listCostOf, type Price, type Rates, worstCost } from './price.ts';
import type { Usage } from './usage.ts';

const flat = (rates: Rates): Price => ({ tiers: [{ aboveInputTokens: 0, rates }] });

/** Sonnet 4.5, with its tier for long prompts. */
const sonnet: Price = {
  tiers: [
    {
      aboveInputTokens: 0,
      rates: { input: 3000, output: 15000, cacheRead: 300, cacheWrite5m: 3750, cacheWrite1h: 6000 },
    },
    {
      aboveInputTokens: 200_000,
      rates: { input: 6000, output: 22500, cacheRead: 600, cacheWrite5m: 7500, cacheWrite1h: 12000 },
    },
  ],
  tierFactors: { batch: 0.5, priority: 2 },
};
const audio = flat({ input: 2500, output: 10000, audioInput: 40000, audioOutput: 80000 });

describe('what an answer has cost', () => {
  const cases: readonly (readonly [what: string, price: Price, usage: Usage, nano: number])[] = [
    ['input and output', sonnet, { inputTokens: 1000, outputTokens: 100 }, 3_000_000 + 1_500_000],
    [
      'reasoning, which is output already',
      sonnet,
      { inputTokens: 1000, outputTokens: 100, reasoningTokens: 80 },
      4_500_000,
    ],
    [
      'a cached read, at its own rate',
      sonnet,
      { inputTokens: 1000, cacheReadTokens: 900, outputTokens: 0 },
      100 * 3000 + 900 * 300,
    ],
    [
      'writes for five minutes and for an hour',
      sonnet,
      { inputTokens: 1000, cacheWriteTokens: 700, cacheWrite5mTokens: 400, cacheWrite1hTokens: 300 },
      300 * 3000 + 400 * 3750 + 300 * 6000,
    ],
    [
      'writes that are not split by lifetime, as short ones',
      sonnet,
      { inputTokens: 1000, cacheWriteTokens: 700 },
      300 * 3000 + 700 * 3750,
    ],
    [
      'writes of which the long ones alone are told',
      sonnet,
      { inputTokens: 1000, cacheWriteTokens: 700, cacheWrite1hTokens: 200 },
      300 * 3000 + 500 * 3750 + 200 * 6000,
    ],
    ['the last token of the lower tier', sonnet, { inputTokens: 200_000 }, 200_000 * 3000],
    [
      'the whole request at the higher tier, cached input counted in',
      sonnet,
      { inputTokens: 200_001, cacheReadTokens: 200_000, outputTokens: 10 },
      1 * 6000 + 200_000 * 600 + 10 * 22500,
    ],
    [
      'audio in and out',
      audio,
      { inputTokens: 100, audioInputTokens: 60, outputTokens: 50, audioOutputTokens: 30 },
      40 * 2500 + 60 * 40000 + 20 * 10000 + 30 * 80000,
    ],
    [
      'cached audio once, not twice',
      { tiers: [{ aboveInputTokens: 0, rates: { ...audio.tiers[0].rates, cacheRead: 250 } }] },
      { inputTokens: 100, cacheReadTokens: 80, audioInputTokens: 100 },
      80 * 250 + 20 * 40000,
    ],
    [
      'rates that are absent as their parents',
      flat({ input: 1000, output: 2000 }),
      {
        inputTokens: 40,
        cacheReadTokens: 10,
        cacheWrite5mTokens: 10,
        cacheWrite1hTokens: 10,
        audioInputTokens: 5,
        outputTokens: 10,
        audioOutputTokens: 10,
      },
      40 * 1000 + 10 * 2000,
    ],
    ['half in the batch tier', sonnet, { inputTokens: 1000, serviceTier: 'batch' }, 1_500_000],
    ['double in the priority tier', sonnet, { inputTokens: 1000, serviceTier: 'priority' }, 6_000_000],
    [
      'as listed in a tier that is unknown',
      sonnet,
      { inputTokens: 1000, serviceTier: 'toString' },
      3_000_000,
    ],
    ['nothing where nothing is told', sonnet, {}, 0],
    ['whole nano-dollars, rounded up', flat({ input: 0.5, output: 0 }), { inputTokens: 3 }, 2],
    ['not one too many for a binary fraction', flat({ input: 0.1, output: 0 }), { inputTokens: 30 }, 3],
    [
      'nor for a large one',
      flat({ input: 1375.1, output: 0.7 }),
      { inputTokens: 900_000_010, outputTokens: 10 },
      1_237_590_013_758,
    ],
  ];
  for (const [what, price, usage, nano] of cases)
    test(`is ${what}`, () => assert.equal(costOf(price, usage), nano));
});

describe('the most that an answer can cost', () => {
  test('is all input written to the dearest cache', () =>
    assert.equal(worstCost(sonnet, 1000, 100), 1000 * 6000 + 100 * 15000));
  test('is all of it audio where that is dearest', () =>
    assert.equal(worstCost(audio, 10, 10), 10 * 40000 + 10 * 80000));
  test('keeps to the lower tier up to its end', () =>
    assert.equal(worstCost(sonnet, 200_000, 0), 200_000 * 6000));
  test('reaches the higher tier above it', () =>
    assert.equal(worstCost(sonnet, 200_001, 0), 200_001 * 12000));
  test('takes a service tier that is asked for into account', () =>
    assert.equal(worstCost(sonnet, 1000, 0, 'priority'), 12_000_000));
  test('is not less where a larger request has a cheaper tier', () => {
    const cheaperAbove: Price = {
      tiers: [
        { aboveInputTokens: 0, rates: { input: 10, output: 100 } },
        { aboveInputTokens: 5, rates: { input: 1, output: 1 } },
      ],
    };
    assert.equal(worstCost(cheaperAbove, 6, 10), 6 * 10 + 10 * 100);
  });
  test('is nothing for nothing', () => assert.equal(worstCost(sonnet, 0, 0), 0));
});

describe('for any price and any answer', () => {
  const rate = fc.integer({ min: 0, max: 6_000_000 }).map((tenths) => tenths / 10);
  const rates: fc.Arbitrary<Rates> = fc.record(
    {
      input: rate,
      output: rate,
      cacheRead: rate,
      cacheWrite5m: rate,
      cacheWrite1h: rate,
      audioInput: rate,
      audioOutput: rate,
    },
    { requiredKeys: ['input', 'output'] },
  );
  const price: fc.Arbitrary<Price> = fc
    .tuple(rates, fc.array(fc.tuple(fc.integer({ min: 1, max: 5000 }), rates), { maxLength: 3 }))
    .map(([first, above]) => ({
      tiers: [
        { aboveInputTokens: 0, rates: first },
        ...above
          .map(([aboveInputTokens, rates]) => ({ aboveInputTokens, rates }))
          .sort((one, other) => one.aboveInputTokens - other.aboveInputTokens),
      ],
      tierFactors: { flex: 0.5, priority: 1.75 },
    }));
  const count = fc.nat({ max: 3000 });
  /** The parts of the input do not overlap, but for audio, of which any part may have been cached. */
  const usage: fc.Arbitrary<Usage> = fc
    .record({
      plain: count,
      read: count,
      short: count,
      long: count,
      split: fc.boolean(),
      audioShare: fc.double({ min: 0, max: 1, noNaN: true }),
      output: count,
      spokenShare: fc.double({ min: 0, max: 1, noNaN: true }),
      serviceTier: fc.constantFrom('default', 'flex', 'priority', '__proto__'),
    })
    .map(({ plain, read, short, long, split, audioShare, output, spokenShare, serviceTier }) => ({
      inputTokens: plain + read + short + long,
      cacheReadTokens: read,
      cacheWriteTokens: short + long,
      ...(split ? { cacheWrite5mTokens: short, cacheWrite1hTokens: long } : {}),
      audioInputTokens: Math.floor((plain + read + short + long) * audioShare),
      outputTokens: output,
      audioOutputTokens: Math.floor(output * spokenShare),
      serviceTier,
    }));

  test('the cost is a whole number and never over the worst for the same tokens', () =>
    fc.assert(
      fc.property(price, usage, (price, usage) => {
        const cost = costOf(price, usage);
        assert.ok(Number.isSafeInteger(cost) && cost >= 0);
        assert.ok(
          cost <= worstCost(price, usage.inputTokens ?? 0, usage.outputTokens ?? 0, usage.serviceTier),
        );
      }),
      { numRuns: 2000 },
    ));

  test('the worst never falls when more tokens are allowed', () =>
    fc.assert(
      fc.property(price, count, count, count, (price, input, output, more) => {
        assert.ok(worstCost(price, input, output) <= worstCost(price, input + more, output + more));
      }),
    ));
});

describe('the list price', () => {
  test('is that of a plain call, whatever tier served', () => {
    const tiered: Price = { ...flat({ input: 10, output: 20 }), tierFactors: { flex: 0.5, priority: 2 } };
    for (const serviceTier of ['flex', 'priority', 'default'])
      assert.equal(listCostOf(tiered, { inputTokens: 7, outputTokens: 3, serviceTier }), 130);
    assert.equal(listCostOf(tiered, { inputTokens: 7, outputTokens: 3 }), 130);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exactListPrice, listPrice } from './list-price.ts';

const november2026 = Date.parse('2026-11-20T12:00:00Z');

/** Vendor, id; then dollars per million tokens: input, output, cache read, cache write for 5 minutes and for an hour. */
type Known = readonly [string, string, number, number, number?, number?, number?];

const known: readonly Known[] = [
  ['openai', 'gpt-4.1', 2, 8, 0.5],
  ['openai', 'gpt-4.1-2025-04-14', 2, 8, 0.5],
  ['openai', 'GPT-4.1', 2, 8, 0.5],
  ['openai', 'gpt-4.1-mini', 0.4, 1.6, 0.1],
  ['openai', 'gpt-4.1-nano', 0.1, 0.4, 0.025],
  ['openai', 'gpt-4o', 2.5, 10, 1.25],
  ['openai', 'gpt-4o-2024-05-13', 5, 15],
  ['openai', 'gpt-4o-mini', 0.15, 0.6, 0.075],
  ['openai', 'gpt-5', 1.25, 10, 0.125],
  ['openai', 'gpt-5-mini', 0.25, 2, 0.025],
  ['openai', 'gpt-5-nano-2025-08-07', 0.05, 0.4, 0.005],
  ['openai', 'gpt-5.2-pro', 21, 168],
  ['openai', 'gpt-6-sol', 2, 10, 0.2, 2.5],
  ['openai', 'gpt-3.5-turbo-16k', 3, 4],
  ['openai', 'gpt-35-turbo', 0.5, 1.5],
  ['openai', 'o3', 2, 8, 0.5],
  ['openai', 'o4-mini', 1.1, 4.4, 0.275],
  ['openai', 'text-embedding-3-small', 0.02, 0],
  ['openai', 'text-embedding-3-large', 0.13, 0],
  ['anthropic', 'claude-haiku-4-5', 1, 5, 0.1, 1.25, 2],
  ['anthropic', 'claude-haiku-4-5-20251001', 1, 5, 0.1, 1.25, 2],
  ['anthropic', 'claude-haiku-4-5@20251001', 1, 5, 0.1, 1.25, 2],
  ['anthropic', 'claude-sonnet-4-5-20250929', 3, 15, 0.3, 3.75, 6],
  ['anthropic', 'claude-sonnet-4-20250514', 3, 15, 0.3, 3.75, 6],
  ['anthropic', 'claude-opus-4-5', 5, 25, 0.5, 6.25, 10],
  ['anthropic', 'claude-opus-4-1-20250805', 15, 75, 1.5, 18.75, 30],
  ['anthropic', 'claude-opus-5-5', 4, 20, 0.2, 5, 8],
  ['google', 'gemini-2.5-flash', 0.3, 2.5, 0.03],
  ['google', 'gemini-2.5-flash-lite', 0.1, 0.4, 0.01],
  ['google', 'gemini-2.5-flash-001', 0.3, 2.5, 0.03],
  ['google', 'gemini-2.0-flash-001', 0.1, 0.4, 0.025],
  ['google', 'gemini-1.5-flash-002', 0.075, 0.3, 0.01875],
  ['google', 'gemini-2.5-pro-preview-05-06', 1.25, 10, 0.125],
  ['aws', 'us.anthropic.claude-haiku-4-5-20251001-v1:0', 1.1, 5.5, 0.11, 1.375],
  ['aws', 'eu.anthropic.claude-haiku-4-5-20251001-v1:0', 1.1, 5.5, 0.11, 1.375],
  ['aws', 'global.anthropic.claude-haiku-4-5-20251001-v1:0', 1, 5, 0.1, 1.25],
  ['aws', 'anthropic.claude-sonnet-4-6', 3.3, 16.5, 0.33, 4.125],
  ['aws', 'us.amazon.nova-pro-v1:0', 0.8, 3.2, 0.2],
  ['aws', 'amazon.nova-micro-v1:0:128k', 0.035, 0.14, 0.00875],
  ['aws', 'us.meta.llama3-3-70b-instruct-v1:0', 0.72, 0.72],
  ['aws', 'openai.gpt-oss-120b-1:0', 0.15, 0.6],
  ['mistral', 'mistral-large-2512', 0.5, 1.5, 0.05],
  ['groq', 'openai/gpt-oss-120b', 0.15, 0.6, 0.075],
  ['x-ai', 'grok-code-fast-1', 0.2, 1.5, 0.02],
];

describe('list prices', () => {
  for (const [vendor, id, input, output, cacheRead, cacheWrite5m, cacheWrite1h] of known) {
    test(`${id} at ${vendor} costs ${input} and ${output} dollars a million`, () => {
      const rates = listPrice(vendor, id, november2026)?.tiers[0].rates;
      const nano = (dollars: number | undefined) =>
        dollars === undefined ? undefined : Math.round(dollars * 1e6) / 1e3;
      assert.deepEqual(
        [rates?.input, rates?.output, rates?.cacheRead, rates?.cacheWrite5m, rates?.cacheWrite1h],
        [input, output, cacheRead, cacheWrite5m, cacheWrite1h].map(nano),
      );
    });
  }

  test('rise for the whole request above a number of input tokens', () => {
    assert.deepEqual(listPrice('anthropic', 'claude-sonnet-4-5', november2026), {
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
    });
    assert.deepEqual(listPrice('google', 'gemini-2.5-pro', november2026)?.tiers[1], {
      aboveInputTokens: 200_000,
      rates: { input: 2500, output: 15000, cacheRead: 250 },
    });
  });

  test('tell audio apart', () => {
    assert.equal(listPrice('google', 'gemini-2.5-flash', november2026)?.tiers[0].rates.audioInput, 1000);
    const rates = listPrice('openai', 'gpt-audio', november2026)?.tiers[0].rates;
    assert.deepEqual([rates?.audioInput, rates?.audioOutput], [32000, 64000]);
  });

  test('change on the day that the list says', () => {
    const at = (day: string) =>
      listPrice('google', 'gemini-3.6-flash', Date.parse(day))?.tiers[0].rates.input;
    assert.equal(at('2026-12-31T23:59:59Z'), 750);
    assert.equal(at('2027-01-01T00:00:00Z'), 1500);
    const sonnet = (day: string) =>
      listPrice('anthropic', 'claude-sonnet-4-6', Date.parse(day))?.tiers.length;
    assert.deepEqual([sonnet('2026-03-12'), sonnet('2026-03-13')], [2, 1]);
  });

  test('are the dearest of a day where they differ by the hour', () => {
    for (const hour of ['02', '12', '20'])
      assert.equal(
        listPrice('deepseek', 'deepseek-chat', Date.parse(`2026-11-20T${hour}:00:00Z`))?.tiers[0].rates.input,
        270,
      );
  });
});

describe('a price is unknown rather than another model’s', () => {
  const unknown: readonly (readonly [vendor: string, id: string, why: string])[] = [
    ['anthropic', 'claude-sonnet-5-5', 'the list has claude-sonnet-5'],
    ['anthropic', 'claude-haiku-5-5', 'not in the list'],
    ['aws', 'us.anthropic.claude-sonnet-5-5', 'the list has claude-sonnet-5'],
    ['openai', 'gpt-4.1-micro', 'the list has gpt-4.1'],
    ['openai', 'gpt-4.1-mini-high', 'the list has gpt-4.1-mini'],
    ['openai', 'gpt-4.10', 'the list has gpt-4.1'],
    ['openai', 'gpt-6.1-terra', 'not in the list'],
    ['openai', 'gpt-4.1-turbo', 'the catalog takes it for gpt-4.1'],
    ['openai', 'gpt-4o-preview', 'previews have had their own prices'],
    ['openai', 'ft:gpt-4.1:acme::1', 'a fine-tuned model'],
    ['openai', 'my-gpt-4.1', 'a name of somebody’s own'],
    ['openai', 'gpt-oss-120b', 'a reseller’s price'],
    ['google', 'gemini-3.6-flash-lite', 'the list has gemini-3.6-flash'],
    ['google', 'gemini-2.5-flash-image', 'images are billed as output of their own'],
    ['google', 'gemma-4-31b-it', 'billed by the hour of a machine'],
    ['google', 'gemini-4-hydrogen', 'not in the list'],
    ['perplexity', 'sonar', 'billed by the request too'],
    ['openai', 'whisper-1', 'billed by the hour'],
    ['openai', '', 'no name'],
    ['nobody', 'gpt-4.1', 'no such vendor'],
    ['anthropic', 'gpt-4.1', 'not its model'],
  ];
  for (const [vendor, id, why] of unknown)
    test(`${id} at ${vendor}: ${why}`, () => assert.equal(listPrice(vendor, id, november2026), undefined));

  test('gpt-4.1, its mini and its nano have prices of their own', () => {
    const inputs = ['gpt-4.1', 'gpt-4.1-mini', 'gpt-4.1-nano'].map(
      (id) => listPrice('openai', id, november2026)?.tiers[0].rates.input,
    );
    assert.deepEqual(inputs, [2000, 400, 100]);
  });

  test('a reseller’s id is taken as it is written', () => {
    assert.ok(exactListPrice('together', 'meta-llama/Llama-3.3-70B-Instruct-Turbo', november2026));
    assert.equal(exactListPrice('together', 'meta-llama/Llama-3.3-70B-Instruct', november2026), undefined);
  });
});

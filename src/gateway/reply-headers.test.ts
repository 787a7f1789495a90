import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, target } from '../../test/support/router.ts';
import type { Price } from '../core/price.ts';
import type { Served } from '../router/contract.ts';
import { servedHeaders } from './reply-headers.ts';

const priceOf = (input: number, output: number): Price => ({
  tiers: [{ aboveInputTokens: 0, rates: { input, output } }],
});

function headers(overrides: Partial<Served>): Record<string, string> {
  const one = target('openai/gpt');
  const prepared = call().prepare(
    {
      protocol: 'openai-chat',
      model: one.model,
      carries: one.model.capabilities,
      encode: () => ({ body: {}, dropped: [] }),
      request: () => assert.fail('not sent'),
      readError: () => assert.fail('not refused'),
    },
    false,
  );
  const flat = servedHeaders(
    { target: one, prepared, tried: [], upstreamHeaders: {}, ...overrides },
    'req_1',
  );
  const named: Record<string, string> = {};
  for (let at = 0; at < flat.length; at += 2) named[flat[at] ?? ''] = flat[at + 1] ?? '';
  return named;
}

describe('the headers of an answer', () => {
  const usage = { inputTokens: 7, outputTokens: 3 };

  test('say what it cost and saved, exactly, however little or much', () => {
    for (const [input, cost, saved] of [
      [1, '0.000000010', '0.000000010'],
      [0.01, '0.000000001', undefined],
      [1e9, '10.000000000', '10.000000000'],
      [123_456_789, '1.234567890', '1.234567890'],
    ] as const) {
      const price = priceOf(input, input);
      const listPrice = input === 0.01 ? priceOf(0.001, 0.001) : priceOf(input * 2, input * 2);
      const told = headers({ target: target('openai/gpt', { price, listPrice }), usage });
      assert.equal(told['x-intermodal-cost'], cost);
      assert.equal(told['x-intermodal-saved'], saved);
    }
  });

  test('say nothing was saved at the list price itself', () => {
    const price = priceOf(1, 1);
    const told = headers({ target: target('openai/gpt', { price, listPrice: price }), usage });
    assert.equal(told['x-intermodal-saved'], undefined);
  });

  test('say nothing of money where nobody knows', () => {
    const price = priceOf(1, 1);
    for (const served of [
      { usage },
      { target: target('openai/gpt', { price }) },
      { target: target('openai/gpt', { price }), usage: undefined },
      { target: target('openai/gpt', { price }), usage: { outputTokens: 5 } },
    ])
      assert.equal(headers(served)['x-intermodal-cost'], undefined);
  });
});

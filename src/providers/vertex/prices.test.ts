import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Dollars, dollarsOf, november2026 } from '../../../test/support/prices.ts';
import { costOf } from '../../core/price.ts';
import type { Mode } from '../../core/target.ts';
import { createPrices } from './prices.ts';

const everywhere = createPrices('global', () => november2026);
const region = createPrices('us-central1', () => november2026);

const known: readonly (readonly [model: string, mode: Mode, dollars: Dollars])[] = [
  ['gemini-2.5-flash', 'sync', [0.3, 2.5, 0.03]],
  ['gemini-2.5-flash', 'queue', [0.3, 2.5, 0.03]],
  ['gemini-2.5-flash', 'batch', [0.15, 1.25, 0.03]],
  ['gemini-2.5-flash', 'flex', [0.15, 1.25, 0.03]],
  ['gemini-2.5-flash-lite', 'batch', [0.05, 0.2, 0.01]],
  ['gemini-2.5-pro', 'sync', [1.25, 10, 0.125]],
  ['gemini-2.5-pro', 'batch', [0.625, 5, 0.125]],
  ['gemini-3.1-pro-preview', 'sync', [2, 12, 0.2]],
  ['gemini-3.8-flash', 'sync', [0.75, 3.75, 0.075]],
  ['gemini-embedding-001', 'sync', [0.15, 0]],
  ['claude-haiku-4-5@20251001', 'sync', [1, 5, 0.1, 1.25, 2]],
  ['claude-haiku-4-5-20251001', 'sync', [1, 5, 0.1, 1.25, 2]],
  ['claude-haiku-4-5@20251001', 'batch', [0.5, 2.5, 0.05, 0.625, 1]],
  ['claude-opus-4-6', 'sync', [5, 25, 0.5, 6.25, 10]],
];

describe('what Vertex AI asks', () => {
  for (const [model, mode, dollars] of known)
    test(`${model} by ${mode} is ${dollars.join(', ')}`, () =>
      assert.deepEqual(dollarsOf(everywhere(model, mode)), dollars));

  test('rises for long prompts, in batches too', () => {
    assert.deepEqual(dollarsOf(everywhere('gemini-2.5-pro', 'sync'), 1), [2.5, 15, 0.25]);
    assert.deepEqual(dollarsOf(everywhere('gemini-2.5-pro', 'batch'), 1), [1.25, 7.5, 0.25]);
  });

  test('is a tenth more for Claude in a region, from 4.5 on', () => {
    assert.deepEqual(dollarsOf(region('claude-haiku-4-5@20251001', 'sync')), [1.1, 5.5, 0.11, 1.375, 2.2]);
    assert.deepEqual(dollarsOf(region('claude-haiku-5-5', 'sync')), [0.11, 0.55, 0.011, 0.1375, 0.22]);
    for (const model of ['claude-opus-4-1@20250805', 'claude-sonnet-4@20250514', 'claude-3-5-haiku@20241022'])
      assert.deepEqual(region(model, 'sync'), everywhere(model, 'sync'), model);
    assert.deepEqual(region('gemini-2.5-flash', 'sync'), everywhere('gemini-2.5-flash', 'sync'));
  });

  test('counts the traffic type that served', () => {
    const price = everywhere('gemini-2.5-flash', 'sync');
    assert.ok(price);
    const cost = (serviceTier: string) => costOf(price, { inputTokens: 1000, serviceTier });
    assert.deepEqual(
      ['ON_DEMAND', 'ON_DEMAND_FLEX', 'ON_DEMAND_PRIORITY'].map(cost),
      [300_000, 150_000, 540_000],
    );
  });

  test('is unknown for flex of Claude and for models that nobody knows', () => {
    assert.equal(everywhere('claude-haiku-4-5@20251001', 'flex'), undefined);
    assert.equal(everywhere('gemini-4-hydrogen', 'sync'), undefined);
    assert.equal(region('claude-sonnet-6', 'sync'), undefined);
    assert.equal(everywhere('text-embedding-005', 'sync'), undefined, 'it is billed by the character');
  });
});

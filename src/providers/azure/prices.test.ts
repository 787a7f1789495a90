import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Dollars, dollarsOf, november2026 } from '../../../test/support/prices.ts';
import type { Mode } from '../../core/target.ts';
import { createPrices } from './prices.ts';

const price = createPrices(() => november2026);

const known: readonly (readonly [model: string, mode: Mode, dollars: Dollars])[] = [
  ['gpt-4.1', 'sync', [2, 8, 0.5]],
  ['gpt-4.1-mini', 'sync', [0.4, 1.6, 0.1]],
  ['gpt-4.1-nano', 'batch', [0.05, 0.2, 0.0125]],
  ['gpt-35-turbo', 'sync', [0.5, 1.5]],
  ['gpt-5', 'flex', [0.625, 5, 0.0625]],
  ['o4-mini', 'sync', [1.1, 4.4, 0.28]],
  ['o3', 'queue', [2, 8, 0.5]],
  ['text-embedding-3-small', 'sync', [0.02, 0]],
  ['phi-4', 'sync', [0.07, 0.14]],
];

describe('what Azure asks', () => {
  for (const [model, mode, dollars] of known)
    test(`${model} by ${mode} is ${dollars.join(', ')}`, () =>
      assert.deepEqual(dollarsOf(price(model, mode)), dollars));

  test('is unknown for a deployment’s own name, and for what a reseller alone prices', () => {
    for (const model of ['my-deployment', 'prod-gpt-4.1', 'gpt-oss-120b'])
      assert.equal(price(model, 'sync'), undefined, model);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Price } from '../../core/price.ts';
import { createPriceBook } from './price-book.ts';

const price: Price = { tiers: [{ aboveInputTokens: 0, rates: { input: 1, output: 1 } }] };

function counted(result: Price | undefined) {
  let now = Date.parse('2026-12-31T23:00:00Z');
  let calls = 0;
  const book = createPriceBook(
    () => now,
    () => {
      calls++;
      return result;
    },
  );
  return {
    book,
    calls: () => calls,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

test('a price is looked for once a day, found or not', () => {
  for (const result of [price, undefined]) {
    const { book, calls, pass } = counted(result);
    for (let call = 0; call < 5; call++) assert.equal(book('gpt-4.1', 'sync'), result);
    assert.equal(calls(), 1);
    book('gpt-4.1', 'batch');
    book('gpt-4.1-mini', 'sync');
    assert.equal(calls(), 3);
    pass(3_599_999);
    book('gpt-4.1', 'sync');
    assert.equal(calls(), 3);
    pass(1);
    book('gpt-4.1', 'sync');
    assert.equal(calls(), 4);
  }
});

test('names that callers make up do not fill the memory', () => {
  const { book, calls } = counted(price);
  for (let name = 0; name < 1000; name++) book(`made-up-${name}`, 'sync');
  book('gpt-4.1', 'sync');
  book('made-up-0', 'sync');
  assert.equal(calls(), 1002, 'what was remembered before the bound is forgotten');
});

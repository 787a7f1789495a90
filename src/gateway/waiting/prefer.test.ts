import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePrefer, readAsyncWish, readWait } from './prefer.ts';

const rows: readonly (readonly [string, ReturnType<typeof readAsyncWish>])[] = [
  ['respond-async', {}],
  ['Respond-Async', {}],
  ['respond-async, wait=10', { holdMs: 10_000 }],
  ['wait=10, respond-async', { holdMs: 10_000 }],
  ['wait=10,respond-async', { holdMs: 10_000 }],
  ['respond-async; a=b; c="d,e", WAIT = "2"', { holdMs: 2_000 }],
  ['respond-async=""', {}],
  ['respond-async=', {}],
  ['respond-async, wait=0', { holdMs: 0 }],
  ['respond-async, wait=5, wait=7', { holdMs: 5_000 }],
  ['respond-async, wait=100000', { holdMs: 60_000 }],
  ['return=minimal, respond-async', {}],
  ['foo; bar=""; x, respond-async', {}],
  [', ,respond-async,,', {}],
  ['handling="a, respond-async"', undefined],
  ['handling="a \\" , respond-async"', undefined],
  ['return=minimal; respond-async', undefined],
  ['respond-asynchronously', undefined],
  ['', undefined],
  // What cannot be read takes nothing else with it.
  ['respond-async, wait=soon', {}],
  ['respond-async, wait=-1', {}],
  ['respond-async, wait=1.5', {}],
  ['@@@, respond-async', {}],
  ['a b c, respond-async', {}],
  ['"open, respond-async', {}],
];

describe('Prefer', () => {
  for (const [prefer, wanted] of rows)
    test(`${JSON.stringify(prefer)}: ${JSON.stringify(wanted)}`, () =>
      assert.deepEqual(readAsyncWish({ prefer }), wanted));

  test('is not there', () => assert.equal(readAsyncWish({}), undefined));

  test('says how long to hold the line without asking for more', () => {
    assert.equal(readWait({ prefer: 'wait=3' }), 3_000);
    assert.equal(readWait({ prefer: 'respond-async' }), undefined);
  });

  test('of any length and content is read in time that grows with its length alone', () => {
    for (const text of [
      'a;'.repeat(8_000),
      '"'.repeat(16_000),
      ',;="\\'.repeat(3_000),
      'a=;"'.repeat(4_000),
    ]) {
      const began = performance.now();
      parsePrefer(text);
      assert.ok(performance.now() - began < 500, `${text.slice(0, 8)} took ${performance.now() - began} ms`);
    }
  });
});

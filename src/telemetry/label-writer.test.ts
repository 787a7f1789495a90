import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labelOf } from '../../test/support/cascade.ts';
import { createFakeClock } from '../../test/support/clock.ts';
import type { Label } from '../stores/routing/contract.ts';
import { LabelWriter } from './label-writer.ts';

function setUp() {
  const clock = createFakeClock();
  const written: (readonly Label[])[] = [];
  const troubles: number[] = [];
  const state = { broken: false };
  const store = {
    add: (labels: readonly Label[]) => {
      if (state.broken) return Promise.reject(new Error('no store'));
      written.push([...labels]);
      return Promise.resolve();
    },
    list: () => Promise.resolve([]),
    count: () => Promise.resolve(0),
    prune: () => Promise.resolve(0),
  };
  const writer = new LabelWriter(store, clock, { onTrouble: (_error, kept) => troubles.push(kept) });
  return { clock, written, troubles, state, writer };
}

describe('labels', () => {
  test('are written together, a moment later', async () => {
    const { clock, written, writer } = setUp();
    writer.add(labelOf({ id: 'a' }));
    writer.add(labelOf({ id: 'b' }));
    assert.equal(written.length, 0);
    await clock.advance(500);
    assert.deepEqual(
      written.map((labels) => labels.map(({ id }) => id)),
      [['a', 'b']],
    );
    assert.equal(clock.pending(), 0);
  });

  test('that a store does not take are tried again, more and more slowly, and none is written twice', async () => {
    const { clock, written, troubles, state, writer } = setUp();
    state.broken = true;
    writer.add(labelOf({ id: 'a' }));
    await clock.advance(10_000);
    assert.ok(troubles.length >= 3 && troubles.length <= 6, String(troubles.length));
    state.broken = false;
    writer.add(labelOf({ id: 'b' }));
    await clock.advance(60_000);
    assert.deepEqual(
      written.flat().map(({ id }) => id),
      ['a', 'b'],
    );
    assert.equal(clock.pending(), 0);
  });

  test('beyond a bound are lost, and counted', async () => {
    const { clock, written, state, writer } = setUp();
    state.broken = true;
    for (let index = 0; index < 5_010; index++) writer.add(labelOf({ id: `${index}` }));
    assert.equal(writer.lost, 10);
    state.broken = false;
    await writer.flush();
    assert.equal(written.flat().length, 5_000);
    assert.equal(clock.pending(), 0);
  });
});

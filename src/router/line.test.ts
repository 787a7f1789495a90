import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock, settle } from '../../test/support/clock.ts';
import { fakeSink } from '../../test/support/router.ts';
import { Line } from './line.ts';

describe('the line', () => {
  let clock: FakeClock;
  let line: Line;
  let woken: number[];
  beforeEach(() => {
    clock = createFakeClock();
    line = new Line(clock);
    woken = [];
  });
  afterEach(() => assert.equal(clock.pending(), 0, 'a timer was left behind'));

  const join = (count: number, ms = 1_000): void => {
    for (let index = 0; index < count; index++) void line.wait(ms, fakeSink()).then(() => woken.push(index));
  };

  test('a release wakes the eight that have waited longest', async () => {
    join(20);
    line.release();
    await settle();
    assert.deepEqual(woken, [0, 1, 2, 3, 4, 5, 6, 7]);
    line.release();
    line.release();
    line.release();
    await settle();
    assert.equal(woken.length, 20);
    assert.equal(line.length, 0);
  });

  test('whoever is not woken looks by itself in the end', async () => {
    join(1);
    await clock.advance(999);
    assert.equal(woken.length, 0);
    await clock.advance(1);
    assert.equal(woken.length, 1);
  });

  test('whoever hangs up leaves it', async () => {
    const sink = fakeSink();
    const waiting = line.wait(1_000, sink);
    sink.hangUp();
    assert.equal(await waiting, true);
    assert.equal(line.length, 0);
  });

  test('has an end: who comes then does not wait', async () => {
    join(10_000, 10);
    assert.equal(await line.wait(10, fakeSink()), false);
    await clock.advance(10);
    assert.equal(line.length, 0);
  });
});

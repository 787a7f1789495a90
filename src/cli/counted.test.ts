import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock, settle } from '../../test/support/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { type Counted, counted } from './counted.ts';

describe('what is counted every few seconds', () => {
  let clock: FakeClock;
  let warnings: string[];
  let asked: number;
  let away: boolean;
  /** Ends the question that is under way, where `slow`. */
  let answer: (() => void) | undefined;
  let slow: boolean;
  let number: Counted<number>;

  beforeEach(() => {
    clock = createFakeClock();
    warnings = [];
    asked = 0;
    away = false;
    slow = false;
    const log: Log = {
      info() {},
      warn: (_fields, message) => warnings.push(message),
      error() {},
      request() {},
      flush() {},
    };
    const count = async (): Promise<number> => {
      asked += 1;
      if (slow)
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
      if (away) throw new Error('the store is away');
      return asked;
    };
    number = counted({ first: 0, everyMs: 1_000, count, onTrouble: 'not counted' }, { clock, log });
  });
  afterEach(() => assert.equal(clock.pending(), 0, 'a timer was left behind'));

  test('is told at once, and asked again after a while', async () => {
    assert.equal(number.latest, 0);
    number.start();
    await settle();
    assert.equal(number.latest, 1);
    await clock.advance(1_000);
    assert.equal(number.latest, 2);
    await number.close();
    await clock.advance(5_000);
    assert.equal(asked, 2);
  });

  test('stays as it was while the store is away, and comes back', async () => {
    number.start();
    await settle();
    away = true;
    await clock.advance(1_000);
    assert.deepEqual([number.latest, warnings], [1, ['not counted']]);
    away = false;
    await clock.advance(1_000);
    assert.equal(number.latest, 3);
    await number.close();
  });

  test('a close waits for the question that is under way, and none follows', async () => {
    slow = true;
    number.start();
    let closed = false;
    const closing = number.close().then(() => {
      closed = true;
    });
    await settle();
    assert.equal(closed, false);
    answer?.();
    await closing;
    assert.equal(number.latest, 1);
  });
});

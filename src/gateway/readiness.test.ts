import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeClock } from '../../test/support/clock.ts';
import { Readiness } from './readiness.ts';

describe('readiness', () => {
  test('asks the store once a second, however often it is asked itself', async () => {
    const clock = createFakeClock();
    let asked = 0;
    let well = true;
    const readiness = new Readiness(() => {
      asked += 1;
      return well ? Promise.resolve() : Promise.reject(new Error('gone'));
    }, clock);
    assert.equal(await readiness.storeAnswers(), true);
    well = false;
    assert.equal(await readiness.storeAnswers(), true);
    assert.equal(asked, 1);
    await clock.advance(1_000);
    assert.equal(await readiness.storeAnswers(), false);
    well = true;
    await clock.advance(1_000);
    assert.equal(await readiness.storeAnswers(), true);
    assert.equal(clock.pending(), 0);
  });

  test('a store that says nothing is one that does not answer', async () => {
    const clock = createFakeClock();
    const readiness = new Readiness(() => new Promise(() => {}), clock);
    const answer = readiness.storeAnswers();
    await clock.advance(900);
    assert.equal(await answer, false);
  });
});

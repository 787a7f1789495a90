/** What `contract.ts` promises of wake-ups, alone and through Redis. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisMissing, startRedis, type TestRedis } from '../../test/support/redis.ts';
import { systemClock } from '../core/clock.ts';
import { createWakeUps } from './alone.ts';
import { createBullWakeUps } from './bull.ts';
import type { WakeUps } from './contract.ts';

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if (holds()) return;
    await sleep(10);
  }
  assert.fail(`${what} did not come`);
}

describe('wake-ups', () => {
  let redis: TestRedis | undefined;
  before(async () => {
    if (redisMissing === false) redis = await startRedis();
  });
  after(() => redis?.close());

  const bull = (troubles: unknown[] = []): WakeUps =>
    createBullWakeUps({
      url: redis?.url ?? '',
      about: 'batch',
      clock: systemClock,
      onTrouble: (error) => troubles.push(error),
    });

  const kinds = [
    { name: 'alone', skip: false as const, open: () => createWakeUps(systemClock) },
    { name: 'through Redis', skip: redisMissing, open: () => bull() },
  ];
  for (const { name, skip, open } of kinds) {
    test(`${name}: what is due now is told at once, here, until nobody listens`, { skip }, async () => {
      const wakeUps = open();
      let woken = 0;
      const forget = wakeUps.onWake(async () => {
        woken += 1;
      });
      wakeUps.at('batch_1', systemClock.now());
      assert.equal(woken, 1);
      forget();
      wakeUps.at('batch_2', 0);
      assert.equal(woken, 1);
      await wakeUps.close();
    });
  }

  test('through Redis: another gateway hears, also of what is due later', {
    skip: redisMissing,
  }, async () => {
    const [one, other] = [bull(), bull()];
    let heard = 0;
    other.onWake(async () => {
      heard += 1;
    });
    await until('the connection', () => one.shared && other.shared);
    // Either may take a hint: after twenty the other has had some.
    for (let index = 0; index < 20; index++) one.at(`batch_${index}`, systemClock.now() + 50);
    await until('a hint', () => heard > 0);
    await one.close();
    await other.close();
  });

  test('through Redis: who has no hand free leaves further hints to others', {
    skip: redisMissing,
  }, async () => {
    const [busy, free] = [bull(), bull()];
    await until('the connection', () => busy.shared && free.shared);
    let [taken, done] = [0, 0];
    const end = Promise.withResolvers<void>();
    busy.onWake(() => {
      taken += 1;
      return end.promise;
    });
    free.onWake(async () => {
      done += 1;
    });
    const teller = bull();
    await until('the connection', () => teller.shared);
    for (let index = 0; index < 20; index++) teller.at(`batch_${index}`, systemClock.now() + 1);
    await until('all other hints', () => done >= 19);
    assert.ok(taken <= 1, `${taken} hints were taken by one that was busy`);
    end.resolve();
    for (const one of [busy, free, teller]) await one.close();
  });

  test('through Redis: one that is lost makes nobody wait or fail, and hints come again after it', {
    skip: redisMissing,
  }, async () => {
    const troubles: unknown[] = [];
    const wakeUps = bull(troubles);
    let woken = 0;
    wakeUps.onWake(async () => {
      woken += 1;
    });
    await until('the connection', () => wakeUps.shared);
    await redis?.kill();
    await until('the loss', () => !wakeUps.shared);
    wakeUps.at('batch_1', 0);
    assert.equal(woken, 1);
    wakeUps.at('batch_2', systemClock.now() + 10);
    await redis?.restart();
    await until('the connection', () => wakeUps.shared);
    const before = woken;
    wakeUps.at('batch_3', systemClock.now() + 10);
    await until('a hint', () => woken > before);
    await wakeUps.close();
    assert.ok(troubles.length >= 1);
  });
});

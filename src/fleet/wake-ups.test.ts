/** What `contract.ts` promises of wake-ups, alone and through Redis. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisMissing, startRedis } from '../../test/support/redis.ts';
import { redisKinds } from '../../test/support/redis-kinds.ts';
import { systemClock } from '../core/clock.ts';
import { connectTo } from '../wire/redis/connect.ts';
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

const throughRedis = (url: string, troubles: unknown[] = []): WakeUps =>
  createBullWakeUps({
    url,
    about: 'batch',
    clock: systemClock,
    onTrouble: (error) => troubles.push(error),
  });

const kinds = [
  {
    name: 'alone',
    skip: false as const,
    start: async () => ({ open: () => createWakeUps(systemClock), close: async () => {} }),
  },
  ...redisKinds.map(({ name, skip, start }) => ({
    name,
    skip,
    start: async () => {
      const redis = await start();
      return { open: () => throughRedis(redis.url), close: () => redis.close() };
    },
  })),
];

for (const { name, skip, start } of kinds)
  describe(`wake-ups ${name}`, { skip }, () => {
    let ground: Awaited<ReturnType<typeof start>>;
    before(async () => {
      ground = await start();
    });
    after(() => ground.close());

    test('what is due now is told at once, here, until nobody listens', async () => {
      const wakeUps = ground.open();
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

    test('who has no hand free leaves further hints to others', {
      skip: name === 'alone' && 'there are no others',
    }, async () => {
      const [busy, free, teller] = [ground.open(), ground.open(), ground.open()];
      await until('the connection', () => busy.shared && free.shared && teller.shared);
      let [taken, done] = [0, 0];
      const end = Promise.withResolvers<void>();
      busy.onWake(() => {
        taken += 1;
        return end.promise;
      });
      free.onWake(async () => {
        done += 1;
      });
      // Who tells takes hints too, and looks at nothing.
      for (let index = 0; index < 60; index++) teller.at(`batch_${index}`, systemClock.now() + 1);
      await until('some of the hints', () => done >= 5);
      await sleep(100);
      assert.ok(taken <= 1, `${taken} hints were taken by one that was busy`);
      end.resolve();
      for (const one of [busy, free, teller]) await one.close();
    });

    test('another gateway hears, also of what is due later', {
      skip: name === 'alone' && 'there is no other',
    }, async () => {
      const [one, other] = [ground.open(), ground.open()];
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
  });

describe('wake-ups through a Redis that is lost', { skip: redisMissing }, () => {
  test('make nobody wait or fail, and come again after it', async () => {
    const redis = await startRedis();
    const troubles: unknown[] = [];
    const wakeUps = throughRedis(redis.url, troubles);
    let woken = 0;
    wakeUps.onWake(async () => {
      woken += 1;
    });
    await until('the connection', () => wakeUps.shared);
    await redis.kill();
    await until('the loss', () => !wakeUps.shared);
    wakeUps.at('batch_1', 0);
    assert.equal(woken, 1);
    wakeUps.at('batch_2', systemClock.now() + 10);
    await redis.restart();
    await until('the connection', () => wakeUps.shared);
    const before = woken;
    wakeUps.at('batch_3', systemClock.now() + 10);
    await until('a hint', () => woken > before);
    await wakeUps.close();
    await redis.close();
    assert.ok(troubles.length >= 1);
  });
});

describe('wake-ups through a Redis that wants another password', { skip: redisMissing }, () => {
  test('tell of it without the one that they have', async () => {
    const redis = await startRedis();
    const admin = connectTo(redis.url, { patient: true });
    await admin.config('SET', 'requirepass', 'another');
    admin.disconnect();
    const troubles: unknown[] = [];
    const wakeUps = throughRedis(redis.url.replace('//', '//:hunter2@'), troubles);
    await until('the trouble', () => troubles.length > 0);
    assert.equal(wakeUps.shared, false);
    await wakeUps.close();
    await redis.close();
    for (const trouble of troubles) {
      assert.ok(trouble instanceof Error);
      assert.match(trouble.message, /WRONGPASS/);
      assert.doesNotMatch(JSON.stringify([trouble.stack, { ...trouble }]), /hunter2/);
    }
  });
});

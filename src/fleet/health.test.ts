/** Two gateways on one Redis, and what one learns of a target. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFakeClock } from '../../test/support/clock.ts';
import { type RedisKind, redisKinds } from '../../test/support/redis-kinds.ts';
import { breaker } from '../../test/support/router.ts';
import { systemClock } from '../core/clock.ts';
import { createHealth, type Health } from '../router/health.ts';
import { connectTo } from '../wire/redis/connect.ts';
import { type SharedHealth, shareHealth } from './health.ts';

const name = 'openai/gpt-4.1';

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (holds()) return;
    await sleep(10);
  }
  assert.fail('it did not come');
}

for (const { name: ground, skip, start } of redisKinds)
  describe(`health that gateways share ${ground}`, { skip }, () => {
    let redis: Awaited<ReturnType<RedisKind['start']>>;
    let shared: SharedHealth[] = [];
    let one: Health;
    let other: Health;
    const clock = createFakeClock();
    before(async () => {
      redis = await start();
      [one, other] = [createHealth(clock, () => breaker), createHealth(clock, () => breaker)];
      shared = [
        shareHealth(redis.url, one, 'one', systemClock),
        shareHealth(redis.url, other, 'other', systemClock),
      ];
      // Where each node counts its own listeners nobody knows of all: they listen once they hear.
      for (const [from, to, name] of [
        [one, other, 'one'],
        [other, one, 'other'],
      ] as const) {
        const asked: string[] = [];
        await until(() => {
          asked.push(`${name} asks ${asked.length}`);
          from.throttled(asked.at(-1) ?? '', 60_000, 60_000);
          return asked.some((target) => to.view(target).standing === 'cooling');
        });
      }
    });
    after(async () => {
      for (const each of shared) await each.close();
      await redis.close();
    });

    test('an outage that one has met is known to the other, and so is its end', async () => {
      for (let failures = 0; failures < breaker.failures; failures++) one.failed(name);
      assert.equal(one.view(name).standing, 'open');
      await until(() => other.view(name).standing === 'open');
      await clock.advance(breaker.openMs);
      // Either may probe; the one that does tells how it went.
      assert.ok(other.take(name));
      other.succeeded(name);
      assert.equal(other.view(name).standing, 'ready');
      await until(() => one.view(name).standing === 'ready');
    });

    test('a target that asked one for time gets it from the other', async () => {
      one.throttled('anthropic/claude', 7_000, 60_000);
      await until(() => other.view('anthropic/claude').standing === 'cooling');
      await clock.advance(7_000);
      assert.equal(other.view('anthropic/claude').standing, 'ready');
    });

    test('what others write to the channel changes nothing', async () => {
      const admin = connectTo(redis.url, { patient: true });
      for (const text of ['{', '[]', '{"from":"x","news":{"kind":"opened","target":"a","forMs":1e99}}'])
        await admin.publish('intermodal:health', text);
      await admin.publish(
        'intermodal:health',
        JSON.stringify({ from: 'x', news: { kind: 'cooling', target: 'last', forMs: 50 } }),
      );
      admin.disconnect();
      await until(() => other.view('last').standing === 'cooling');
      assert.equal(other.view('a').standing, 'ready');
    });
  });

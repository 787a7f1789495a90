/**
 * The master of a Redis is killed while gateways work: whoever is promoted, everything that Redis is used for comes back by itself, nothing
 * hangs, and a hard budget is never passed.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisCache } from '../src/cache/redis/cache.ts';
import { connectCache } from '../src/cache/redis/link.ts';
import { systemClock } from '../src/core/clock.ts';
import { makeId } from '../src/core/ids.ts';
import { createBullWakeUps } from '../src/fleet/bull.ts';
import { shareHealth } from '../src/fleet/health.ts';
import { MemoryLimits } from '../src/limits/memory/limits.ts';
import { RedisLimits } from '../src/limits/redis/limits.ts';
import { connectRedis } from '../src/limits/redis/scripts.ts';
import { createHealth } from '../src/router/health.ts';
import { redisMissing } from './support/redis.ts';
import { startCluster } from './support/redis-cluster.ts';
import { startSentinels } from './support/redis-sentinel.ts';
import { breaker } from './support/router.ts';

interface Ground {
  readonly url: string;
  /** Of what all gateways keep under one hash tag. */
  killMaster(): Promise<void>;
  close(): Promise<void>;
}

const grounds: readonly { readonly name: string; readonly start: () => Promise<Ground> }[] = [
  { name: 'that sentinels watch', start: () => startSentinels({ downAfterMs: 800 }) },
  {
    name: 'of a cluster',
    async start() {
      const cluster = await startCluster({ replicas: true, nodeTimeoutMs: 1_000 });
      return {
        url: cluster.url,
        killMaster: async () => cluster.kill(await cluster.masterOf('{intermodal}epoch')),
        close: cluster.close,
      };
    },
  },
];

/** Until `holds`; whatever takes longer than a failover ever does has not come back. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedMs > 20_000) assert.fail(`${what} did not come`);
    await sleep(20);
  }
}

const capNanoUsd = 10_000;
/** A command has a second, and a request that finds another epoch waits for it a second at most; the rest is a machine that others use. */
const longestAnswerMs = 5_000;

/** A gateway's limits, and what it was granted and has spent. */
class Spender {
  readonly limits: RedisLimits;
  spent = 0;
  grants = 0;
  longestMs = 0;
  /** The last refusal was for good. */
  over = false;
  #stopped = false;

  constructor(url: string) {
    this.limits = new RedisLimits({
      link: connectRedis(url),
      alone: (firstParts) => new MemoryLimits({ clock: systemClock, firstParts }),
      clock: systemClock,
      makeId,
      settlingMs: 1_000,
    });
  }

  async work(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const nanoUsd = 20 + (turn % 7);
      const startedMs = performance.now();
      const verdict = await this.limits.reserve({
        id: makeId('r_'),
        takes: [],
        slots: [],
        charges: [{ key: 'all/day', capNanoUsd, nanoUsd, expiresAtMs: systemClock.now() + 3_600_000 }],
        maxWaitMs: 0,
      });
      this.longestMs = Math.max(this.longestMs, performance.now() - startedMs);
      this.over = !verdict.ok && verdict.kind === 'budget' && !verdict.pending;
      if (verdict.ok) {
        this.grants += 1;
        await sleep(3);
        const cost = nanoUsd - (turn % 3);
        this.spent += cost;
        verdict.reservation.settle([], cost);
      } else await sleep(3);
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

for (const { name, start } of grounds)
  describe(`a master ${name}, killed`, { skip: redisMissing }, () => {
    let ground: Ground;
    before(async () => {
      ground = await start();
    });
    after(() => ground.close());

    test('comes back as another: limits, answers, hints and news, and no budget is passed', async () => {
      const spenders = [new Spender(ground.url), new Spender(ground.url)];
      for (const { limits } of spenders) await limits.connected();
      const isOk = ({ limits }: Spender): boolean => limits.health().status === 'ok';
      assert.ok(spenders.every(isOk), 'limits did not connect');

      const cache = new RedisCache({ link: connectCache(ground.url, 1_000), clock: systemClock });
      const wakeUps = createBullWakeUps({
        url: ground.url,
        about: 'batch',
        clock: systemClock,
        onTrouble: () => undefined,
      });
      let woken = 0;
      wakeUps.onWake(async () => {
        woken += 1;
      });
      const [one, other] = [
        createHealth(systemClock, () => breaker),
        createHealth(systemClock, () => breaker),
      ];
      const shared = [
        shareHealth(ground.url, one, 'one', systemClock),
        shareHealth(ground.url, other, 'other', systemClock),
      ];
      let serial = 0;
      const works = async (): Promise<void> => {
        await until('an answer', async () => {
          const key = `answer ${serial++}`;
          cache.put(key, { form: 'whole', bytes: Buffer.from('x'), atMs: 1, model: 'm' }, 60_000);
          return (await cache.get(key)) !== undefined;
        });
        await until('a hint', async () => {
          const before = woken;
          wakeUps.at(`batch_${serial++}`, systemClock.now() + 10);
          for (let times = 0; times < 20 && woken === before; times++) await sleep(20);
          return woken > before && wakeUps.shared;
        });
        await until('news', async () => {
          const target = `target ${serial++}`;
          one.throttled(target, 60_000, 60_000);
          await sleep(50);
          return other.view(target).standing === 'cooling';
        });
      };
      await works();

      const working = spenders.map((spender) => spender.work());
      await until('some spending', () => spenders.every(({ grants }) => grants > 20));
      await ground.killMaster();
      await until('the loss', () => !spenders.some(isOk));
      const atLoss = spenders.map(({ grants }) => grants);
      await until('limits that are shared again', () => spenders.every(isOk));
      await works();
      await until('the end of the budget', () => spenders.every(({ over }) => over));
      for (const spender of spenders) spender.stop();
      await Promise.all(working);

      const spent = spenders.reduce((sum, one) => sum + one.spent, 0);
      assert.ok(spent <= capNanoUsd, `${spent} of ${capNanoUsd} were spent`);
      assert.ok(spent > capNanoUsd * 0.9, `only ${spent} of ${capNanoUsd} were spent`);
      for (const [index, { grants, longestMs }] of spenders.entries()) {
        assert.ok(grants > (atLoss[index] ?? 0), 'nothing was granted after the failover');
        assert.ok(longestMs < longestAnswerMs, `somebody waited ${longestMs} ms`);
      }
      await wakeUps.close();
      await cache.close();
      for (const each of shared) await each.close();
      for (const { limits } of spenders) await limits.close();
    });
  });

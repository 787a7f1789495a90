/** What every implementation of limits does. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../test/support/clock.ts';
import { type RedisKind, redisKinds } from '../../test/support/redis-kinds.ts';
import { makeId } from '../core/ids.ts';
import type { Bucket, Charge, Demand, Granted, Limits } from './contract.ts';
import { MemoryLimits } from './memory/limits.ts';
import { RedisLimits } from './redis/limits.ts';
import { connectRedis } from './redis/scripts.ts';

const perMinute: Bucket = { key: 'openai rpm', limit: 60, periodMs: 60_000, burst: 60 };
const tokens: Bucket = { key: 'openai input', limit: 6_000, periodMs: 60_000, burst: 6_000 };

let next = 0;
function demand(parts: Partial<Demand>): Demand {
  return { id: `r${next++}`, takes: [], slots: [], charges: [], maxWaitMs: 0, ...parts };
}

const take = (bucket: Bucket, amount = 1, floor = 0) => ({ bucket, amount, floor, mayWait: true });
const charge = (nanoUsd: number, capNanoUsd = 1000, key = 'all/day/2026-11-21'): Charge => ({
  key,
  capNanoUsd,
  nanoUsd,
  expiresAtMs: 4_000_000_000_000,
});

interface Kind {
  readonly name: string;
  readonly skip: string | false;
  setUp(): Promise<void>;
  tearDown(): Promise<void>;
  make(clock: FakeClock): Promise<Limits>;
}

const kinds: readonly Kind[] = [
  {
    name: 'in process',
    skip: false,
    setUp: async () => {},
    tearDown: async () => {},
    make: async (clock) => new MemoryLimits({ clock }),
  },
  ...redisKinds.map(onRedis),
];

function onRedis({ name, skip, start }: RedisKind): Kind {
  let redis: Awaited<ReturnType<typeof start>> | undefined;
  return {
    name,
    skip,
    setUp: async () => {
      redis = await start();
    },
    tearDown: async () => redis?.close(),
    async make(clock) {
      const limits = new RedisLimits({
        link: connectRedis(redis?.url ?? '', 30_000),
        alone: (firstParts) => new MemoryLimits({ clock, firstParts }),
        clock,
        makeId,
        namespace: makeId('t'),
        ownTime: true,
      });
      await joined(limits);
      return limits;
    },
  };
}

async function joined(limits: RedisLimits): Promise<void> {
  for (let turn = 0; turn < 100_000 && limits.health().status !== 'ok'; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await limits.join();
  }
}

async function granted(limits: Limits, parts: Partial<Demand>): Promise<Granted> {
  const verdict = await limits.reserve(demand(parts));
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict;
}

/** The answer without its reservation. */
async function told(limits: Limits, parts: Partial<Demand>): Promise<object> {
  const { reservation: _, ...rest } = { reservation: undefined, ...(await limits.reserve(demand(parts))) };
  return rest;
}

/** Settling is not waited for; a question after it is. */
const settled = (limits: Limits): Promise<object> => told(limits, {});

for (const kind of kinds) {
  describe(`limits ${kind.name}`, { skip: kind.skip }, () => {
    let clock: FakeClock;
    const made: Limits[] = [];
    before(kind.setUp);
    after(async () => {
      for (const limits of made) await limits.close();
      await kind.tearDown();
    });
    async function make(): Promise<Limits> {
      clock = createFakeClock();
      const limits = await kind.make(clock);
      made.push(limits);
      return limits;
    }

    test('say how many places are taken', async () => {
      const limits = await make();
      const slots = [{ key: 'openai', limit: 3, amount: 2 }];
      assert.equal(limits.busy('openai'), 0);
      const { reservation } = await granted(limits, { slots });
      assert.equal(limits.busy('openai'), 2);
      assert.equal(limits.busy('other'), 0);
      reservation.settle([], 0);
      reservation.settle([], 0);
      assert.equal(limits.busy('openai'), 0);
    });

    test('grant a full bucket and then say how long until there is room', async () => {
      const limits = await make();
      await granted(limits, { takes: [take(perMinute, 60)] });
      assert.deepEqual(await told(limits, { takes: [take(perMinute)] }), {
        ok: false,
        kind: 'room',
        key: 'openai rpm',
        waitMs: 1000,
      });
      await clock.advance(999);
      assert.equal((await limits.reserve(demand({ takes: [take(perMinute)] }))).ok, false);
      await clock.advance(1);
      await granted(limits, { takes: [take(perMinute)] });
    });

    test('never fill a bucket above its burst', async () => {
      const limits = await make();
      const small = { ...perMinute, burst: 10 };
      await granted(limits, { takes: [take(small, 1)] });
      await clock.advance(10_000_000);
      await granted(limits, { takes: [take(small, 10)] });
      assert.equal((await limits.reserve(demand({ takes: [take(small)] }))).ok, false);
    });

    test('take all or none', async () => {
      const limits = await make();
      await granted(limits, { takes: [take(tokens, 6_000)] });
      assert.equal((await limits.reserve(demand({ takes: [take(perMinute, 60), take(tokens)] }))).ok, false);
      await granted(limits, { takes: [take(perMinute, 60)] });
    });

    test('say which bucket is the tightest', async () => {
      const limits = await make();
      await granted(limits, { takes: [take(perMinute, 60), take(tokens, 6_000)] });
      assert.deepEqual(await told(limits, { takes: [take(tokens, 10), take(perMinute, 2)] }), {
        ok: false,
        kind: 'room',
        key: 'openai rpm',
        waitMs: 2000,
      });
    });

    test('say that what is larger than a bucket never fits', async () => {
      const limits = await make();
      assert.deepEqual(await told(limits, { takes: [take(tokens, 6_001)], maxWaitMs: 1e9 }), {
        ok: false,
        kind: 'room',
        key: 'openai input',
        waitMs: Number.POSITIVE_INFINITY,
      });
    });

    test('give whoever waits a place in the line, at the pace of the refill', async () => {
      const limits = await make();
      await granted(limits, { takes: [take(perMinute, 60)] });
      const line = [];
      for (let place = 0; place < 3; place++)
        line.push((await granted(limits, { takes: [take(perMinute)], maxWaitMs: 5000 })).waitMs);
      assert.deepEqual(line, [1000, 2000, 3000]);
      assert.deepEqual(await told(limits, { takes: [take(perMinute)], maxWaitMs: 3999 }), {
        ok: false,
        kind: 'room',
        key: 'openai rpm',
        waitMs: 4000,
      });
    });

    test('promise nothing to whoever may not wait', async () => {
      const limits = await make();
      await granted(limits, { takes: [take(perMinute, 60)] });
      const hasty = { ...take(tokens, 6_000), mayWait: false };
      await granted(limits, { takes: [hasty], maxWaitMs: 5_000 });
      assert.deepEqual(
        await told(limits, { takes: [take(perMinute, 5), { ...hasty, amount: 1 }], maxWaitMs: 9_000 }),
        { ok: false, kind: 'room', key: 'openai input', waitMs: 10 },
      );
    });

    test('keep what a floor asks to be left for more urgent work', async () => {
      const limits = await make();
      await granted(limits, { takes: [take(perMinute, 42, 18)] });
      assert.equal((await limits.reserve(demand({ takes: [take(perMinute, 1, 18)] }))).ok, false);
      await granted(limits, { takes: [take(perMinute, 18)] });
    });

    test('give back what was not used, and take what was used beyond', async () => {
      const limits = await make();
      const first = await granted(limits, { takes: [take(tokens, 6_000)] });
      first.reservation.settle([1_000], 0);
      first.reservation.settle([0], 0);
      await settled(limits);
      const second = await granted(limits, { takes: [take(tokens, 5_000)] });
      second.reservation.settle([5_100], 0);
      await settled(limits);
      assert.deepEqual(await told(limits, { takes: [take(tokens, 1)] }), {
        ok: false,
        kind: 'room',
        key: 'openai input',
        waitMs: 1010,
      });
    });

    test('hold places until they are settled', async () => {
      const limits = await make();
      const slots = [{ key: 'openai concurrent', limit: 2, amount: 1 }];
      const first = await granted(limits, { slots });
      await granted(limits, { slots });
      assert.deepEqual(await told(limits, { slots }), { ok: false, kind: 'busy', key: 'openai concurrent' });
      let released = 0;
      const forget = limits.onRelease(() => {
        released += 1;
      });
      first.reservation.settle([], 0);
      forget();
      assert.equal(released, 1);
      await settled(limits);
      await granted(limits, { slots });
    });

    test('set money aside, settle what it cost, and never pass a cap', async () => {
      const limits = await make();
      const first = await granted(limits, { charges: [charge(600)] });
      assert.deepEqual(await told(limits, { charges: [charge(500)] }), {
        ok: false,
        kind: 'budget',
        key: 'all/day/2026-11-21',
        pending: true,
      });
      first.reservation.settle([], 501);
      await settled(limits);
      assert.deepEqual(await told(limits, { charges: [charge(500)] }), {
        ok: false,
        kind: 'budget',
        key: 'all/day/2026-11-21',
        pending: false,
      });
      await granted(limits, { charges: [charge(499)] });
      assert.deepEqual(limits.budget('all/day/2026-11-21'), { usedNanoUsd: 501, heldNanoUsd: 499 });
    });

    test('count without refusing where there is no cap', async () => {
      const limits = await make();
      const soft = charge(5_000, Number.POSITIVE_INFINITY);
      (await granted(limits, { charges: [soft] })).reservation.settle([], 4_000);
      await granted(limits, { charges: [soft] });
      await settled(limits);
      assert.deepEqual(limits.budget(soft.key), { usedNanoUsd: 4_000, heldNanoUsd: 5_000 });
    });

    test('touch no bucket when the budget refuses', async () => {
      const limits = await make();
      assert.equal(
        (await limits.reserve(demand({ takes: [take(perMinute, 60)], charges: [charge(2_000)] }))).ok,
        false,
      );
      await granted(limits, { takes: [take(perMinute, 60)] });
    });

    test('learn from a provider that less is left, never that more is', async () => {
      const limits = await make();
      await granted(limits, { takes: [take(perMinute, 10)] });
      limits.correct(perMinute, 55);
      limits.correct(perMinute, 5.7);
      await settled(limits);
      assert.equal(limits.level(perMinute), 5);
      assert.deepEqual(await told(limits, { takes: [take(perMinute, 6)] }), {
        ok: false,
        kind: 'room',
        key: 'openai rpm',
        waitMs: 1000,
      });
    });

    test('are exact to the token over a day of odd steps', async () => {
      const limits = await make();
      const bucket = { key: 'odd', limit: 7, periodMs: 60_000, burst: 7 };
      let taken = 0;
      for (let step = 0; step < 300; step++) {
        if ((await limits.reserve(demand({ takes: [take(bucket)] }))).ok) taken += 1;
        await clock.advance(1_234);
      }
      assert.equal(taken, 7 + Math.floor((299 * 1_234 * 7) / 60_000));
    });

    test('hold under an id once, until it is let go, once', async () => {
      const limits = await make();
      const held = (id: string, nanoUsd = 400) => ({
        id,
        slots: [{ key: 'batches', limit: 2, amount: 1 }],
        charges: [charge(nanoUsd)],
      });
      const state = async (): Promise<object> => {
        await limits.reserve(demand({ charges: [charge(0)] }));
        return limits.budget('all/day/2026-11-21');
      };
      for (let again = 0; again < 3; again++) assert.deepEqual(await limits.hold(held('s1')), { ok: true });
      assert.deepEqual(await limits.hold(held('s2')), { ok: true });
      assert.deepEqual(await limits.hold(held('s3', 100)), { ok: false, kind: 'busy', key: 'batches' });
      assert.deepEqual(await limits.hold(held('s3', 300)), {
        ok: false,
        kind: 'budget',
        key: 'all/day/2026-11-21',
        pending: true,
      });
      assert.deepEqual(await state(), { usedNanoUsd: 0, heldNanoUsd: 800 });
      for (let again = 0; again < 3; again++) limits.letGo('s1', 150);
      limits.letGo('of nobody', 1_000);
      // To let go asks Redis twice, and is not waited for.
      for (let turn = 0; turn < 1_000 && !(await limits.hold(held('s3', 100))).ok; turn++)
        await settled(limits);
      assert.deepEqual(await state(), { usedNanoUsd: 150, heldNanoUsd: 500 });
    });
  });
}

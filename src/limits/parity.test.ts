/** The bucket of JavaScript and the bucket of Lua answer alike, to the millisecond and the token, over ten thousand random histories. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { redisKinds } from '../../test/support/redis-kinds.ts';
import type { Clock } from '../core/clock.ts';
import { makeId } from '../core/ids.ts';
import type { Bucket, Charge, Demand, Limits, Reservation, Verdict } from './contract.ts';
import { MemoryLimits } from './memory/limits.ts';
import { RedisLimits } from './redis/limits.ts';
import { connectRedis } from './redis/scripts.ts';

/** Of the one Redis; the others run the same scripts, and are to be seen doing so. */
const allHistories = 10_000;
const fewHistories = 300;

type Op =
  | { readonly do: 'reserve'; readonly demand: Omit<Demand, 'id'> }
  | { readonly do: 'settle'; readonly which: number; readonly used: readonly number[]; readonly cost: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'correct'; readonly bucket: number; readonly remaining: number };

const buckets: readonly Bucket[] = [
  { key: 'a', limit: 60, periodMs: 60_000, burst: 60 },
  { key: 'b', limit: 7, periodMs: 60_000, burst: 3 },
  { key: 'c', limit: 400_000, periodMs: 60_000, burst: 390_000 },
  { key: 'd', limit: 100_000_000, periodMs: 86_400_000, burst: 100_000_000 },
  { key: 'e', limit: 1, periodMs: 1_000, burst: 1 },
];
const caps = [1_000, 50_000, Number.POSITIVE_INFINITY];

const amount = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 100 }), fc.nat({ max: 500_000 }));
const ms = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 5_000 }), fc.nat({ max: 200_000_000 }));
const take = fc.record({
  bucket: fc.constantFrom(...buckets),
  amount,
  floor: fc.oneof(fc.constant(0), fc.nat({ max: 30 })),
  mayWait: fc.boolean(),
});
const slot = fc.constantFrom(
  { key: 's', limit: 2, amount: 1 },
  { key: 't', limit: 1, amount: 1 },
  { key: 'u', limit: 5_000, amount: 1_777 },
);
const charge: fc.Arbitrary<Charge> = fc
  .record({ index: fc.nat({ max: caps.length - 1 }), nanoUsd: fc.nat({ max: 2_000 }) })
  .map(({ index, nanoUsd }) => ({
    key: `budget ${index}`,
    capNanoUsd: caps[index] ?? 0,
    nanoUsd,
    expiresAtMs: 9_000_000_000_000,
  }));
const few = <T>(one: fc.Arbitrary<T>, key: (value: T) => string) =>
  fc.uniqueArray(one, { maxLength: 3, selector: key });
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      demand: fc.record({
        takes: few(take, (value) => value.bucket.key),
        slots: few(slot, (value) => value.key),
        charges: few(charge, (value) => value.key),
        maxWaitMs: fc.oneof(fc.constant(0), fc.nat({ max: 100_000 })),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat({ max: 20 }),
      used: fc.array(amount, { maxLength: 3 }),
      cost: fc.nat({ max: 3_000 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('correct' as const),
      bucket: fc.nat({ max: buckets.length - 1 }),
      remaining: amount,
    }),
  },
);

/** A provider that tells the same count twice within the time of one token. */
const toldTwice: Op[] = [
  { do: 'correct', bucket: 0, remaining: 4 },
  { do: 'pass', ms: 1 },
  { do: 'correct', bucket: 0, remaining: 4 },
];

/** Every history has its own names, so that it begins with full buckets. */
function named(demand: Omit<Demand, 'id'>, id: string, history: string): Demand {
  return {
    ...demand,
    id,
    takes: demand.takes.map((one) => ({ ...one, bucket: own(one.bucket, history) })),
    slots: demand.slots.map((one) => ({ ...one, key: history + one.key })),
    charges: demand.charges.map((one) => ({ ...one, key: history + one.key })),
  };
}

const own = (bucket: Bucket, history: string): Bucket => ({ ...bucket, key: history + bucket.key });

const words = (verdict: Verdict): object =>
  verdict.ok ? { ok: true, waitMs: verdict.waitMs } : { ...verdict };

/** Plays a history; its answers, and what is left in the end. */
async function play(
  limits: Limits,
  clock: { ms: number },
  ops: readonly Op[],
  history: string,
): Promise<object[]> {
  clock.ms = 1_000_000;
  const told: object[] = [];
  const made: (Reservation | undefined)[] = [];
  for (const [index, one] of ops.entries()) {
    switch (one.do) {
      case 'reserve': {
        const verdict = await limits.reserve(named(one.demand, `${history}${index}`, history));
        told.push(words(verdict));
        made.push(verdict.ok ? verdict.reservation : undefined);
        break;
      }
      case 'settle':
        made[one.which % Math.max(1, made.length)]?.settle(one.used, one.cost);
        break;
      case 'pass':
        clock.ms += one.ms;
        break;
      case 'correct': {
        const bucket = buckets[one.bucket];
        if (bucket !== undefined) limits.correct(own(bucket, history), one.remaining);
        break;
      }
    }
  }
  // A last question to everything shows what is left.
  for (const bucket of buckets) {
    const asked = {
      takes: [{ bucket, amount: bucket.burst, floor: 0, mayWait: true }],
      slots: [],
      charges: [],
      maxWaitMs: 0,
    };
    told.push(words(await limits.reserve(named(asked, `${history}${bucket.key}`, history))));
  }
  told.push(...caps.map((_, index) => limits.budget(`${history}budget ${index}`)));
  return told;
}

describe('buckets in JavaScript and in Lua', () => {
  for (const [index, { name, skip, start }] of redisKinds.entries()) {
    const histories = index === 0 ? allHistories : fewHistories;
    test(`are equal over ${histories} random histories ${name}`, { skip }, async () => {
      const redis = await start();
      const clock = { ms: 0 };
      const still: Clock = { now: () => clock.ms, after: () => () => {} };
      const lua = new RedisLimits({
        alone: (firstParts) => new MemoryLimits({ clock: still, firstParts }),
        link: connectRedis(redis.url, 30_000),
        clock: still,
        makeId,
        ownTime: true,
      });
      try {
        while (lua.health().status !== 'ok') {
          await new Promise((resolve) => setImmediate(resolve));
          await lua.join();
        }
        let history = 0;
        let answers = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(op, { minLength: 2, maxLength: 20 }), async (ops) => {
            history += 1;
            const here = await play(new MemoryLimits({ clock: still }), clock, ops, `${history}:`);
            const there = await play(lua, clock, ops, `${history}:`);
            assert.deepEqual(there, here);
            answers += here.length;
          }),
          { numRuns: histories, examples: [[toldTwice]] },
        );
        assert.equal(history, histories);
        assert.ok(answers > histories * 8);
      } finally {
        await lua.close();
        await redis.close();
      }
    });
  }
});

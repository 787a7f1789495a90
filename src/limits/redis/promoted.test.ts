/** A replica is promoted that had not heard the last of what its master acknowledged: nothing that was spent is forgotten. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { createFakeClock } from '../../../test/support/clock.ts';
import { redisMissing, startRedis, type TestRedis } from '../../../test/support/redis.ts';
import { promote, replicate } from '../../../test/support/redis-replica.ts';
import {
  budget,
  inUse,
  type Process,
  type ProcessOptions,
  pass,
  startProcess,
} from '../../../test/support/shared-limits.ts';
import { makeId } from '../../core/ids.ts';
import type { Bucket, Granted, Take, Verdict } from '../contract.ts';

const uncapped = Number.POSITIVE_INFINITY;
/** Fills so slowly that time makes no difference. */
const bucket: Bucket = { key: 'rpd', limit: 60, periodMs: 86_400_000, burst: 60 };
const take = (amount: number): Take => ({ bucket, amount, floor: 0, mayWait: true });
const settlingMs = 1_000;

function granted(verdict: Verdict): Granted {
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict;
}

describe('a replica that lags, promoted', { skip: redisMissing }, () => {
  let redis: TestRedis;
  let admin: Redis;
  let namespace: string;
  let processes: Process[] = [];
  before(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  after(async () => {
    admin.disconnect();
    await redis.close();
  });
  afterEach(async () => {
    for (const { limits } of processes) await limits.close();
    processes = [];
    await admin.flushall();
  });

  async function two(options: ProcessOptions = {}): Promise<[Process, Process]> {
    const clock = createFakeClock();
    namespace = makeId('t');
    const begin = (): Process => startProcess(redis.url, namespace, { clock, settlingMs, ...options });
    const pair: [Process, Process] = [begin(), begin()];
    processes = [...pair];
    await inUse(...pair);
    await pass(1_000, ...pair);
    return pair;
  }

  async function totals(of: Process, key = 'all/day'): Promise<object> {
    await of.reserve({ charges: [budget(uncapped, 0, key)] });
    return of.limits.budget(key);
  }

  test('what was granted after it fell behind is charged all the same, and the cap holds', async () => {
    const [one, other] = await two();
    granted(await one.reserve({ charges: [budget(1_000, 300)] })).reservation.settle([], 300);
    await one.reserve();
    const replica = await replicate(admin);
    granted(await other.reserve({ charges: [budget(1_000, 600)] })).reservation.settle([], 600);
    await other.reserve();
    await promote(admin, replica);
    // The first who asks has not seen the 600: nobody is granted anything until all had time to speak.
    assert.deepEqual(await one.reserve({ charges: [budget(1_000, 100)] }), {
      ok: false,
      kind: 'budget',
      key: 'all/day',
      pending: true,
    });
    await pass(settlingMs * 2, one, other);
    assert.equal((await one.reserve({ charges: [budget(1_000, 200)] })).ok, false);
    // Beside what each has set aside for a time without Redis, twice by now.
    await totals(one);
    const { usedNanoUsd } = one.limits.budget('all/day');
    assert.ok(usedNanoUsd >= 900 && usedNanoUsd <= 920, `${usedNanoUsd}`);
    granted(await other.reserve({ charges: [budget(1_000, 80)] }));
    for (const each of [one, other]) assert.equal(each.limits.health().status, 'ok');
  });

  test('what the replica knows, and no process that lives, counts too', async () => {
    const [one, other] = await two();
    granted(await other.reserve({ charges: [budget(uncapped, 700)] }));
    const replica = await replicate(admin);
    other.die();
    await promote(admin, replica);
    assert.deepEqual(await totals(one), { usedNanoUsd: 700, heldNanoUsd: 0 });
    // Whether it was billed nobody knows; that it died later changes nothing.
    await pass(15_000, one);
    assert.deepEqual(await totals(one), { usedNanoUsd: 700, heldNanoUsd: 0 });
  });

  test('what was held is settled once, whether the replica had heard of it or not', async () => {
    const [one, other] = await two();
    const heard = granted(await one.reserve({ charges: [budget(uncapped, 100)] }));
    const over = granted(await other.reserve({ charges: [budget(uncapped, 40)] }));
    const replica = await replicate(admin);
    const unheard = granted(await one.reserve({ charges: [budget(uncapped, 1_000)] }));
    over.reservation.settle([], 30);
    await other.reserve();
    assert.deepEqual(await totals(other), { usedNanoUsd: 30, heldNanoUsd: 1_100 });
    await promote(admin, replica);
    await totals(one);
    heard.reservation.settle([], 10);
    unheard.reservation.settle([], 200);
    await one.reserve();
    // One has last seen 1,140 in all, before the other had settled: too much by the 10 that came back.
    assert.deepEqual(await totals(one), { usedNanoUsd: 250, heldNanoUsd: 0 });
  });

  test('a budget that only another has asked for since is what it was', async () => {
    const [one, other] = await two();
    granted(await other.reserve({ charges: [budget(uncapped, 50, 'rare')] }));
    const replica = await replicate(admin);
    await promote(admin, replica);
    assert.deepEqual(await totals(one, 'rare'), { usedNanoUsd: 50, heldNanoUsd: 0 });
    await pass(2_000, one, other);
    assert.deepEqual(await totals(other, 'rare'), { usedNanoUsd: 50, heldNanoUsd: 0 });
  });

  test('promoted twice while one was away: what it saw counts once', async () => {
    const [one, other] = await two();
    granted(await other.reserve({ charges: [budget(uncapped, 70)] }));
    await totals(one);
    other.cut();
    await promote(admin, await replicate(admin));
    await pass(2_000, one);
    granted(await one.reserve({ charges: [budget(uncapped, 5)] })).reservation.settle([], 5);
    await one.reserve();
    await promote(admin, await replicate(admin));
    await pass(2_000, one);
    other.mend();
    await inUse(other);
    assert.deepEqual(await totals(other), { usedNanoUsd: 75, heldNanoUsd: 0 });
  });

  test('a bucket begins empty, and in the deepest debt that anybody knows', async () => {
    const [one, other] = await two();
    granted(await one.reserve({ takes: [take(10)] }));
    const full = await replicate(admin);
    granted(await other.reserve({ takes: [take(50)] }));
    await promote(admin, full);
    assert.equal((await one.reserve({ takes: [take(1)] })).ok, false);
    granted(await one.reserve({ takes: [{ ...take(40), bucket: { ...bucket, key: 'new' } }] }));
    granted(await other.reserve({ takes: [take(60)], maxWaitMs: 1e9 })).reservation.settle([90], 0);
    await other.reserve();
    const indebted = await replicate(admin);
    await promote(admin, indebted);
    await pass(1_000, one, other);
    const verdict = await one.reserve({ takes: [take(1)] });
    assert.ok(!verdict.ok && verdict.kind === 'room');
    assert.ok(verdict.waitMs > 80 * 1_440_000, `${verdict.waitMs} ms`);
  });

  test('a place whose return it has not heard of is free', async () => {
    const [one, other] = await two();
    const slots = [{ key: 'places', limit: 1, amount: 1 }];
    const made = granted(await one.reserve({ slots }));
    const replica = await replicate(admin);
    made.reservation.settle([], 0);
    await one.reserve();
    await promote(admin, replica);
    granted(await other.reserve({ slots })).reservation.settle([], 0);
    await other.reserve();
    granted(await one.reserve({ slots }));
    assert.equal((await other.reserve({ slots })).ok, false);
  });

  test('a server that tells nothing of its history keeps its epoch', async () => {
    const silent = new Redis(redis.url);
    await silent.acl('SETUSER', 'mute', 'on', '>mute', '~*', '&*', '+@all', '-info');
    silent.disconnect();
    const url = redis.url.replace('//', '//mute:mute@');
    const one = startProcess(url, makeId('t'), { clock: createFakeClock() });
    processes = [one];
    await inUse(one);
    granted(await one.reserve({ charges: [budget(1_000, 10)] }));
    await promote(admin, await replicate(admin));
    granted(await one.reserve({ charges: [budget(1_000, 10)] }));
    assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 0, heldNanoUsd: 20 });
  });
});

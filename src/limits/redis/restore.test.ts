/** A Redis that lost its data, and one that stood still: what comes back, and that no budget forgets what was spent of it. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { createFakeClock } from '../../../test/support/clock.ts';
import { redisMissing, startRedis, type TestRedis } from '../../../test/support/redis.ts';
import {
  budget,
  inUse,
  type Process,
  type ProcessOptions,
  pass,
  startProcess,
  until,
} from '../../../test/support/shared-limits.ts';
import { makeId } from '../../core/ids.ts';
import type { Bucket, Granted, Verdict } from '../contract.ts';

/** Fills so slowly that it makes no difference how many beats of the clock a rejoining takes. */
const bucket: Bucket = { key: 'rpd', limit: 60, periodMs: 86_400_000, burst: 60 };
const uncapped = Number.POSITIVE_INFINITY;

function granted(verdict: Verdict): Granted {
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict;
}

describe('a Redis that comes back', { skip: redisMissing }, () => {
  let redis: TestRedis;
  let admin: Redis;
  let namespace: string;
  let processes: Process[] = [];
  before(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url, { retryStrategy: () => 20 });
    admin.on('error', () => undefined);
  });
  after(async () => {
    admin.disconnect();
    await redis.close();
  });
  afterEach(async () => {
    for (const { limits } of processes) await limits.close();
    processes = [];
  });

  async function start(count: number, options: ProcessOptions = {}): Promise<Process[]> {
    const clock = createFakeClock();
    namespace = makeId('t');
    processes = Array.from({ length: count }, () =>
      startProcess(redis.url, namespace, { clock, ...options }),
    );
    await inUse(...processes);
    await pass(1_000, ...processes);
    return processes;
  }

  async function two(options: ProcessOptions = {}): Promise<[Process, Process]> {
    const [one, other] = await start(2, options);
    assert.ok(one !== undefined && other !== undefined);
    return [one, other];
  }

  async function rejoin(): Promise<void> {
    await until(async () => {
      for (const clock of new Set(processes.map((one) => one.clock))) await clock.advance(250);
      return processes.every(({ limits }) => limits.health().status === 'ok');
    }, 'rejoining');
  }

  test('killed and empty: nobody who asks is left hanging, and nothing is forgotten', async () => {
    const [one, other] = await two({ settlingMs: 2_000 });
    granted(await one.reserve({ charges: [budget(uncapped, 700)] })).reservation.settle([], 400);
    const held = granted(
      await other.reserve({
        charges: [budget(uncapped, 50)],
        takes: [{ bucket, amount: 60, floor: 0, mayWait: true }],
      }),
    );
    const asking = Array.from({ length: 20 }, () =>
      one.reserve({ takes: [{ bucket, amount: 1, floor: 0, mayWait: true }] }),
    );
    await redis.kill();
    asking.push(one.reserve({ slots: [{ key: 'places', limit: 2, amount: 1 }] }), other.reserve({}));
    assert.equal((await Promise.all(asking)).length, 22);
    await until(() => processes.every(({ limits }) => limits.health().status === 'degraded'));
    await redis.restart();
    await rejoin();
    for (const each of [one, other]) {
      await each.reserve({ charges: [budget(uncapped, 0)] });
      assert.deepEqual(each.limits.budget('all/day'), { usedNanoUsd: 450, heldNanoUsd: 0 });
    }
    // The bucket is not full although Redis has never heard of it.
    const [room] = await Promise.all([
      one.reserve({ takes: [{ bucket, amount: 20, floor: 0, mayWait: true }] }),
    ]);
    assert.equal(room?.ok, false);
    held.reservation.settle([60], 20);
    await other.reserve({ charges: [budget(uncapped, 0)] });
    assert.deepEqual(other.limits.budget('all/day'), { usedNanoUsd: 420, heldNanoUsd: 0 });
  });

  test('empty: capped budgets wait until everybody has had time to say what it saw', async () => {
    const [one] = await two({ settlingMs: 2_500 });
    granted(await one.reserve({ charges: [budget(1_000, 100)] })).reservation.settle([], 100);
    await admin.flushall();
    const verdict = await one.reserve({ charges: [budget(1_000, 100)] });
    assert.deepEqual(verdict, { ok: false, kind: 'budget', key: 'all/day', pending: true });
    granted(await one.reserve({ charges: [budget(uncapped, 100, 'soft')] }));
    await pass(2_000, ...processes);
    assert.equal((await one.reserve({ charges: [budget(1_000, 100)] })).ok, false);
    await pass(1_000, ...processes);
    granted(await one.reserve({ charges: [budget(1_000, 100)] }));
  });

  test('empty, and never seen by anybody: the ledger says what was spent', async () => {
    const spent = budget(1_000, 900);
    const [one] = await start(1, { ledgerTotals: async () => [spent] });
    assert.ok(one);
    assert.equal((await one.reserve({ charges: [budget(1_000, 101)] })).ok, false);
    granted(await one.reserve({ charges: [budget(1_000, 90)] }));
  });

  test('begun anew by a process that only knows the ledger: others do not count the same money twice', async () => {
    const [one] = await start(1);
    assert.ok(one);
    granted(await one.reserve({ charges: [budget(uncapped, 950)] })).reservation.settle([], 950);
    await one.reserve({ charges: [budget(uncapped, 0)] });
    one.cut();
    await admin.flushall();
    const fresh = startProcess(redis.url, namespace, {
      clock: one.clock,
      ledgerTotals: async () => [budget(uncapped, 900)],
    });
    processes.push(fresh);
    await inUse(fresh);
    granted(await fresh.reserve({ charges: [budget(uncapped, 7)] }));
    one.mend();
    await rejoin();
    await one.reserve({ charges: [budget(uncapped, 0)] });
    assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 950, heldNanoUsd: 7 });
    // A budget that is new in the config is told once, and changes nothing that is known.
    await fresh.limits.seed([budget(uncapped, 5_000), budget(uncapped, 40, 'new')]);
    await one.reserve({ charges: [budget(uncapped, 0), budget(uncapped, 0, 'new')] });
    assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 950, heldNanoUsd: 7 });
    assert.deepEqual(one.limits.budget('new'), { usedNanoUsd: 40, heldNanoUsd: 0 });
  });

  test('lost twice while one was away: what it held is not forgotten', async () => {
    const [one, other] = await two({ settlingMs: 100 });
    granted(await other.reserve({ charges: [budget(uncapped, 30)] }));
    other.cut();
    await admin.flushall();
    await pass(1_000, one);
    granted(await one.reserve({ charges: [budget(uncapped, 20)] }));
    await admin.flushall();
    other.mend();
    await rejoin();
    await pass(1_000, one, other);
    await one.reserve({ charges: [budget(uncapped, 0)] });
    const { usedNanoUsd, heldNanoUsd } = one.limits.budget('all/day');
    assert.equal(usedNanoUsd + heldNanoUsd, 50);
  });

  test('a ledger that does not answer holds no request', async () => {
    let hangs = false;
    const [one] = await start(1, {
      ledgerTotals: () => (hangs ? new Promise(() => {}) : Promise.resolve([])),
    });
    assert.ok(one);
    hangs = true;
    await admin.flushall();
    let answer: Verdict | undefined;
    void one.reserve({}).then((verdict) => {
      answer = verdict;
    });
    await until(async () => {
      await one.clock.advance(100);
      return answer !== undefined;
    });
    assert.equal(one.limits.health().status, 'degraded');
  });

  test('empty, with an answer lost: what was spent beyond what was set aside is counted', async () => {
    const [one] = await two({ settlingMs: 100 });
    const made = granted(await one.reserve({ charges: [budget(uncapped, 100)] }));
    one.faults.set('settle', ['unheard']);
    made.reservation.settle([], 900);
    await until(() => one.troubles.length === 1);
    await admin.flushall();
    await rejoin();
    await one.reserve({ charges: [budget(uncapped, 0)] });
    assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 900, heldNanoUsd: 0 });
  });

  test('stopped for longer than a command may take: alone meanwhile, back when it goes on', async () => {
    const [one, other] = await two({ timeoutMs: 100 });
    redis.pause();
    try {
      const asked = await one.reserve({ id: 'unsure', charges: [budget(uncapped, 300)] });
      granted(asked).reservation.settle([], 5);
      assert.equal(one.limits.health().status, 'degraded');
      assert.match(one.limits.health().detail ?? '', /timed out.*share of the limits, one of 2/i);
    } finally {
      redis.resume();
    }
    await rejoin();
    await other.reserve({ charges: [budget(uncapped, 0)] });
    await until(async () => {
      await one.reserve({ charges: [budget(uncapped, 0)] });
      return one.limits.budget('all/day').heldNanoUsd === 0;
    }, 'taking back');
    assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 5, heldNanoUsd: 0 });
  });
});

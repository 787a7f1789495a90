/** What shared limits do while Redis is gone, slow or empty. Real Redis, since it is its connection and its memory that are lost. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { createFakeClock } from '../../../test/support/clock.ts';
import { redisMissing, startRedis, type TestRedis } from '../../../test/support/redis.ts';
import {
  budget,
  inUse,
  type Process,
  pass,
  startProcess,
  until,
} from '../../../test/support/shared-limits.ts';
import { makeId } from '../../core/ids.ts';
import type { Bucket, Granted, Take, Verdict } from '../contract.ts';

const bucket: Bucket = { key: 'rpm', limit: 60, periodMs: 60_000, burst: 60 };
const take = (amount = 1, of = bucket): Take => ({ bucket: of, amount, floor: 0, mayWait: true });

function granted(verdict: Verdict): Granted {
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict;
}

describe('losing Redis', { skip: redisMissing }, () => {
  let redis: TestRedis;
  let namespace: string;
  let processes: Process[] = [];
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.close());
  afterEach(async () => {
    for (const { limits } of processes) await limits.close();
    processes = [];
    // Connections learn at their own pace that the server is back.
    await new Promise((resolve) => setImmediate(resolve));
  });

  async function start(count: number, options: Parameters<typeof startProcess>[2] = {}): Promise<Process[]> {
    namespace = makeId('t');
    const clock = createFakeClock();
    processes = Array.from({ length: count }, () =>
      startProcess(redis.url, namespace, { clock, ...options }),
    );
    await inUse(...processes);
    // Two beats, so that everybody knows how many there are.
    await pass(2_000, ...processes);
    return processes;
  }

  async function lone(options: Parameters<typeof startProcess>[2] = {}): Promise<Process> {
    const [one] = await start(1, options);
    assert.ok(one);
    return one;
  }

  async function two(options: Parameters<typeof startProcess>[2] = {}): Promise<[Process, Process]> {
    const [one, other] = await start(2, options);
    assert.ok(one !== undefined && other !== undefined);
    return [one, other];
  }

  test('leaves each process its share of a rate, from empty', async () => {
    const [one, other] = await two();
    granted(await one.reserve({ takes: [take(10)] }));
    for (const each of [one, other]) {
      each.cut();
      assert.equal(each.limits.health().status, 'degraded');
      assert.match(each.limits.health().detail ?? '', /connection to Redis was lost.*one of 2/);
      assert.deepEqual(await each.reserve({ takes: [take()] }), {
        ok: false,
        kind: 'room',
        key: 'rpm',
        waitMs: 2_000,
      });
    }
    await one.clock.advance(2_000);
    for (const each of [one, other]) {
      granted(await each.reserve({ takes: [take()] }));
      assert.equal((await each.reserve({ takes: [take()] })).ok, false);
    }
  });

  test('leaves each its share of a debt, and of none that is paid by now', async () => {
    const [one] = await two();
    granted(await one.reserve({ takes: [take(60)] })).reservation.settle([120], 0);
    await pass(500, ...processes);
    // 60 owed, of which half a second has paid half a request: all of it would take 59.5 s, together or in shares.
    one.cut();
    const soon = await one.reserve({ takes: [take()] });
    assert.ok(!soon.ok && soon.kind === 'room');
    assert.equal(soon.waitMs, 59_500 + 2_000);
    one.mend();
    await inUse(one);
    await pass(62_000, ...processes);
    one.cut();
    const later = await one.reserve({ takes: [take()] });
    assert.equal(later.ok ? 0 : later.kind === 'room' && later.waitMs, 2_000);
  });

  test('lets nothing pass that is larger than the limit ever allows', async () => {
    const one = await lone();
    one.cut();
    const verdict = await one.reserve({ takes: [take(61)] });
    assert.equal(verdict.ok || verdict.kind !== 'room' || verdict.waitMs, Number.POSITIVE_INFINITY);
  });

  test('leaves each its share of the places, and never less than one', async () => {
    const [one] = await two();
    const slots = [{ key: 'places', limit: 5, amount: 1 }];
    one.cut();
    granted(await one.reserve({ slots }));
    granted(await one.reserve({ slots }));
    assert.equal((await one.reserve({ slots })).ok, false);
    granted(await one.reserve({ slots: [{ key: 'few', limit: 1, amount: 1 }] }));
  });

  test('leaves of a capped budget what was set aside, and is not over while Redis may be back', async () => {
    const [one, other] = await two();
    for (const each of [one, other]) granted(await each.reserve({ charges: [budget(1_000_000, 100)] }));
    await pass(1_000, ...processes);
    // A hundredth of the cap, for both together.
    one.cut();
    granted(await one.reserve({ charges: [budget(1_000_000, 4_000)] }));
    assert.deepEqual(await one.reserve({ charges: [budget(1_000_000, 1_001)] }), {
      ok: false,
      kind: 'budget',
      key: 'all/day',
      pending: true,
    });
    granted(await one.reserve({ charges: [budget(1_000_000, 1_000)] }));
    assert.equal((await one.reserve({ charges: [budget(1_000_000, 1, 'unheard of')] })).ok, false);
    granted(await one.reserve({ charges: [budget(Number.POSITIVE_INFINITY, 1e9, 'soft')] }));
  });

  test('tells Redis, once it is back, what was spent meanwhile', async () => {
    const [one, other] = await two();
    for (const each of [one, other])
      granted(await each.reserve({ charges: [budget(1_000_000, 100)] })).reservation.settle([], 100);
    await pass(1_000, ...processes);
    one.cut();
    const soft = budget(Number.POSITIVE_INFINITY, 700, 'soft');
    granted(await one.reserve({ charges: [budget(1_000_000, 3_000), soft] })).reservation.settle([], 500);
    const late = granted(await one.reserve({ charges: [budget(1_000_000, 2_000), soft] }));
    one.mend();
    await inUse(one);
    late.reservation.settle([], 70);
    // What it had set aside is given back; the other still has its part.
    await other.reserve({ charges: [budget(1_000_000, 0), { ...soft, nanoUsd: 0 }] });
    await one.reserve({ charges: [budget(1_000_000, 0), { ...soft, nanoUsd: 0 }] });
    assert.deepEqual(one.limits.budget('soft'), { usedNanoUsd: 570, heldNanoUsd: 0 });
    assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 200 + 570 + 5_000, heldNanoUsd: 0 });
  });

  test('tells Redis what was taken meanwhile of buckets that have filled up there', async () => {
    const [one, other] = await two();
    granted(await one.reserve({ takes: [take(60)] }));
    for (const each of [one, other]) each.cut();
    // A bucket begins empty when it is first asked for.
    for (const each of [one, other]) await each.reserve({ takes: [take(0)] });
    // Their clock is one: half of what a minute brings, half of it for each.
    await one.clock.advance(30_000);
    const early = granted(await one.reserve({ takes: [take(15)] }));
    early.reservation.settle([12], 0);
    const late = granted(await other.reserve({ takes: [take(14)] }));
    for (const each of [one, other]) each.mend();
    await inUse(one, other);
    late.reservation.settle([17], 0);
    await until(async () => {
      await one.reserve({ takes: [take(0)] });
      return one.limits.level(bucket) <= 1;
    });
    assert.equal(one.limits.level(bucket), 30 - 12 - 17);
  });

  test('forgets what was taken so long ago that it has come again', async () => {
    const one = await lone();
    granted(await one.reserve({ takes: [take(60)] }));
    one.cut();
    await one.reserve({ takes: [take(0)] });
    for (let minute = 0; minute < 10; minute++) {
      await one.clock.advance(60_000);
      granted(await one.reserve({ takes: [take(60)] }));
    }
    await one.clock.advance(20_000);
    one.mend();
    await inUse(one);
    await until(async () => {
      await one.reserve({ takes: [take(0)] });
      return one.limits.level(bucket) <= 20;
    });
    assert.equal(one.limits.level(bucket), 20);
  });

  test('settles in whichever world there is by then, through a second loss too', async () => {
    const one = await lone();
    granted(await one.reserve({ charges: [budget(1_000_000, 100)] })).reservation.settle([], 0);
    await pass(1_000, one);
    one.cut();
    const held = granted(await one.reserve({ charges: [budget(1_000_000, 5_000)] }));
    one.mend();
    await inUse(one);
    one.cut();
    held.reservation.settle([], 40);
    held.reservation.settle([], 40);
    one.mend();
    await inUse(one);
    await one.reserve({ charges: [budget(1_000_000, 0)] });
    assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 40, heldNanoUsd: 0 });
  });

  test('takes back a reservation of which nobody knows whether it was made', async () => {
    for (const fault of ['unsent', 'unheard'] as const) {
      const one = await lone();
      const parts = {
        takes: [take(30)],
        slots: [{ key: 'places', limit: 1, amount: 1 }],
        charges: [budget(1_000, 600)],
      };
      one.faults.set('reserve', [fault]);
      assert.equal((await one.reserve(parts)).ok, false);
      assert.equal(one.troubles.length, 1);
      await one.clock.advance(1_000);
      await inUse(one);
      const made = granted(await one.reserve(parts));
      // The second half of the bucket is still there: what was taken unheard is back.
      assert.equal(one.limits.level(bucket), 30);
      made.reservation.settle([30], 600);
      await one.reserve({ charges: [budget(1_000, 0)] });
      assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 600, heldNanoUsd: 0 });
      await one.limits.close();
    }
  });

  test('counts a settlement once whose answer was lost', async () => {
    for (const fault of ['unsent', 'unheard'] as const) {
      const one = await lone();
      const made = granted(await one.reserve({ charges: [budget(1_000, 600)] }));
      one.faults.set('settle', [fault]);
      made.reservation.settle([], 250);
      await until(() => one.troubles.length === 1);
      await one.clock.advance(1_000);
      await inUse(one);
      await one.reserve({ charges: [budget(1_000, 0)] });
      assert.deepEqual(one.limits.budget('all/day'), { usedNanoUsd: 250, heldNanoUsd: 0 });
      await one.limits.close();
    }
  });

  test('gives back on an orderly stop what was set aside', async () => {
    const [one, other] = await two();
    granted(await one.reserve({ charges: [budget(1_000_000, 100)] })).reservation.settle([], 10);
    await pass(1_000, ...processes);
    await other.reserve({ charges: [budget(1_000_000, 0)] });
    assert.equal(other.limits.budget('all/day').usedNanoUsd, 5_010);
    await one.limits.close();
    await until(async () => {
      await other.reserve({ charges: [budget(1_000_000, 0)] });
      return other.limits.budget('all/day').usedNanoUsd === 10;
    }, 'giving back');
  });

  test('begins alone where Redis is not there', async () => {
    namespace = makeId('t');
    const early = startProcess('redis://127.0.0.1:1', namespace);
    processes = [early];
    const begun = early.limits.connected();
    await early.clock.advance(3_000);
    await begun;
    assert.equal(early.limits.health().status, 'degraded');
    assert.equal((await early.reserve({ takes: [take()] })).ok, false);
  });

  test('begins alone where Redis does not answer, and asks again', async () => {
    namespace = makeId('t');
    const one = startProcess(redis.url, namespace);
    processes = [one];
    one.faults.set('beat', ['unsent', 'unsent']);
    await until(() => one.faults.get('beat')?.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    await one.clock.advance(1_000);
    await until(() => one.faults.get('beat')?.length === 0);
    await one.clock.advance(1_000);
    await inUse(one);
  });
});

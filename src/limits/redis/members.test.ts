/** Processes that share limits: who lives, who has died, and what becomes of what the dead had set aside. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
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
import type { Granted, Verdict } from '../contract.ts';

const places = [{ key: 'places', limit: 1, amount: 1 }];
const cap = 1_000_000_000;
/** Of such a budget nobody sets anything aside. */
const uncapped = Number.POSITIVE_INFINITY;

function granted(verdict: Verdict): Granted {
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict;
}

describe('processes that share limits', { skip: redisMissing }, () => {
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
  });

  function begin(options: ProcessOptions = {}, atMs?: number): Process {
    const one = startProcess(redis.url, namespace, { clock: createFakeClock(atMs), ...options });
    processes.push(one);
    return one;
  }

  /** Two, each with a clock of its own, so that one may stand still. */
  async function two(options: ProcessOptions = {}): Promise<[Process, Process]> {
    namespace = makeId('t');
    const pair: [Process, Process] = [begin(options), begin(options)];
    await inUse(...pair);
    await pass(1_000, ...pair);
    return pair;
  }

  async function totals(one: Process): Promise<object> {
    await one.reserve({ charges: [budget(uncapped, 0)] });
    return one.limits.budget('all/day');
  }

  test('know how many they are', async () => {
    const [one, other] = await two();
    await pass(30_000, one, other);
    for (const each of [one, other]) assert.equal(each.limits.health().processes, 2);
  });

  test('count as used what a dead one held, free its places, and tell of its attempts before', async () => {
    const [one, other] = await two();
    const note = () => '{"what":"the ledger needs"}';
    granted(await one.reserve({ id: 'attempt-1', slots: places, charges: [budget(cap, 300)], note }));
    one.die();
    assert.equal((await other.reserve({ slots: places })).ok, false);
    await pass(9_000, other);
    assert.equal((await other.reserve({ slots: places })).ok, false, 'it was buried too early');
    assert.deepEqual(other.orphans, []);
    await pass(3_000, other);
    granted(await other.reserve({ slots: places }));
    assert.deepEqual(other.orphans, ['attempt-1']);
    assert.equal(other.limits.health().processes, 1);
    const { limits } = other;
    await totals(other);
    // What both had set aside for a time without Redis is counted as used, too.
    const leased = limits.budget('all/day').usedNanoUsd - 300;
    assert.equal(leased % (cap / 200), 0);
    assert.equal(limits.budget('all/day').heldNanoUsd, 0);
    await pass(30_000, other);
    assert.deepEqual(other.orphans, ['attempt-1'], 'it was told of twice');
  });

  test('write down what a dead one had settled and not written, with what it really cost, and nothing twice', async () => {
    const found: { readonly id: string; readonly note: string }[] = [];
    const [one, other] = await two({ onOrphans: async (orphans) => void found.push(...orphans) });
    const note = () => 'the most it can cost';
    const charges = [budget(cap, 300)];
    const kept = granted(await one.reserve({ id: 'kept', charges, note }));
    const lost = granted(await one.reserve({ id: 'lost', charges, note }));
    granted(await one.reserve({ id: 'running', charges, note }));
    for (const [{ reservation }, cost] of [
      [kept, 100],
      [lost, 200],
    ] as const)
      reservation.settle([], cost, () => `it cost ${cost}`);
    one.limits.written(['kept']);
    await one.reserve();
    one.die();
    await pass(12_000, other);
    assert.deepEqual(
      found.sort((a, b) => a.id.localeCompare(b.id)),
      [
        { id: 'lost', note: 'it cost 200' },
        { id: 'running', note: 'the most it can cost' },
      ],
    );
    await totals(other);
    const leased = other.limits.budget('all/day').usedNanoUsd - 100 - 200 - 300;
    assert.equal(leased % (cap / 200), 0);
    assert.equal(other.limits.budget('all/day').heldNanoUsd, 0);
  });

  test('do not bury a process while its attempts cannot be written down, and go on beating', async () => {
    let full = true;
    const found: string[] = [];
    const [one, other] = await two({
      async onOrphans(orphans) {
        if (full) throw new Error('the ledger is full');
        found.push(...orphans.map(({ id }) => id));
      },
    });
    granted(await one.reserve({ id: 'attempt-1', slots: places }));
    one.die();
    await pass(15_000, other);
    assert.equal((await other.reserve({ slots: places })).ok, false);
    assert.equal(other.limits.health().status, 'ok');
    assert.match(other.troubles.join(), /could not be written to the ledger/);
    full = false;
    await pass(2_000, other);
    granted(await other.reserve({ slots: places }));
    assert.deepEqual(found, ['attempt-1']);
  });

  test('go on beating while the ledger hangs over the orphans of another', async () => {
    let told = 0;
    const [one, other] = await two({
      onOrphans: () => {
        told += 1;
        return new Promise(() => {});
      },
    });
    granted(await one.reserve({ id: 'attempt-1', slots: places }));
    one.die();
    const third = begin({}, other.clock.now());
    await inUse(third);
    await pass(40_000, other, third);
    assert.equal(told > 0, true);
    assert.equal(other.limits.health().status, 'ok');
    granted(await other.reserve({ charges: [budget(cap, 1, 'another/day')] }));
    assert.equal(third.limits.health().processes >= 2, true, 'the one that waits was taken for dead');
  });

  test('settle once what was reclaimed from one that only slept', async () => {
    const [sleeper, other] = await two();
    const made = granted(await sleeper.reserve({ slots: places, charges: [budget(uncapped, 300)] }));
    await pass(12_000, other);
    // The sleeper has heard nothing of it.
    assert.deepEqual(await totals(other), { usedNanoUsd: 300, heldNanoUsd: 0 });
    await sleeper.clock.advance(other.clock.now() - sleeper.clock.now() - 1);
    made.reservation.settle([], 20);
    granted(await sleeper.reserve({ charges: [budget(uncapped, 0)] }));
    assert.deepEqual(await totals(other), { usedNanoUsd: 20, heldNanoUsd: 0 });
    granted(await other.reserve({ slots: places }));
    assert.equal((await sleeper.reserve({ slots: places })).ok, false);
    await pass(30_000, sleeper, other);
    for (const each of [sleeper, other]) assert.equal(each.limits.health().processes, 2);
    assert.deepEqual(await totals(other), { usedNanoUsd: 20, heldNanoUsd: 0 });
  });

  test('what one reserves after it was reclaimed is reclaimed when it really dies', async () => {
    const [sleeper, other] = await two();
    await pass(12_000, other);
    granted(await sleeper.reserve({ slots: places }));
    sleeper.die();
    await pass(12_000, other);
    granted(await other.reserve({ slots: places }));
  });

  test('take nobody for dead after a time in which nobody could be heard', async () => {
    const [one, other] = await two();
    const made = granted(await one.reserve({ id: 'running', slots: places, charges: [budget(cap, 300)] }));
    for (const each of [one, other]) each.cut();
    for (const each of [one, other]) await each.clock.advance(60_000);
    other.mend();
    await inUse(other);
    await pass(3_000, other);
    assert.equal((await other.reserve({ slots: places })).ok, false, 'a place was given away twice');
    await one.clock.advance(3_000);
    one.mend();
    await inUse(one);
    made.reservation.settle([], 10);
    await one.reserve({});
    granted(await other.reserve({ slots: places }));
    assert.deepEqual([...one.orphans, ...other.orphans], []);
  });

  test('keep their number after Redis has lost its data', async () => {
    const [one, other] = await two({ settlingMs: 1_000 });
    await redis.kill();
    await until(() => [one, other].every(({ limits }) => limits.health().status === 'degraded'));
    await redis.restart();
    await until(async () => {
      await pass(1_000, one, other);
      return [one, other].every(({ limits }) => limits.health().status === 'ok');
    });
    await pass(30_000, one, other);
    for (const each of [one, other]) assert.equal(each.limits.health().processes, 2);
  });
});

/** What outlives the process that asked for it: settled by another, not by a death, and through times without Redis. */
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

describe('what processes hold together', { skip: redisMissing }, () => {
  let redis: TestRedis;
  let processes: Process[] = [];
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.close());
  afterEach(async () => {
    for (const { limits } of processes) await limits.close();
  });

  async function two(): Promise<readonly [Process, Process]> {
    const namespace = makeId('t');
    const clock = createFakeClock();
    const make = (): Process => startProcess(redis.url, namespace, { clock });
    const [one, other] = [make(), make()];
    processes = [one, other];
    await inUse(one, other);
    await pass(2_000, one, other);
    return [one, other];
  }

  const held = (id: string, nanoUsd = 400) => ({
    id,
    slots: [{ key: 'batches', limit: 2, amount: 1 }],
    charges: [budget(1_000, nanoUsd)],
  });
  async function moneyOf({ limits, reserve }: Process): Promise<readonly [number, number]> {
    await reserve({ charges: [budget(1_000, 0)] });
    const { usedNanoUsd, heldNanoUsd } = limits.budget(budget(1_000, 0).key);
    return [usedNanoUsd, heldNanoUsd];
  }
  const becomes = (process: Process, used: number, open: number): Promise<void> =>
    until(async () => (await moneyOf(process)).join() === `${used},${open}`, `${used},${open}`);

  test('is held once by whoever asks, and let go once by another', async () => {
    const [one, other] = await two();
    assert.ok((await one.limits.hold(held('s1'))).ok);
    assert.ok((await other.limits.hold(held('s1'))).ok);
    assert.deepEqual(await moneyOf(other), [0, 400]);
    other.limits.letGo('s1', 150);
    one.limits.letGo('s1', 150);
    await becomes(one, 150, 0);
    // The place is free as well.
    for (const id of ['s2', 's3']) assert.ok((await other.limits.hold(held(id, 100))).ok);
    assert.equal((await one.limits.hold(held('s4', 100))).ok, false);
  });

  test('stays held when who asked for it dies', async () => {
    const [one, other] = await two();
    assert.ok((await one.limits.hold(held('s1'))).ok);
    one.die();
    await pass(15_000, other);
    assert.equal(other.limits.health().processes, 1);
    assert.deepEqual(await moneyOf(other), [0, 400]);
    other.limits.letGo('s1', 30);
    await becomes(other, 30, 0);
  });

  test('is let go when Redis is back', async () => {
    const [one, other] = await two();
    assert.ok((await one.limits.hold(held('s1'))).ok);
    other.cut();
    other.limits.letGo('s1', 30);
    other.mend();
    await inUse(other);
    await becomes(one, 30, 0);
  });

  test('is held by one alone while Redis is away, and told when it is back', async () => {
    const [one] = await two();
    assert.ok((await one.reserve({ charges: [budget(1_000_000, 10)] })).ok);
    await pass(2_000, ...processes);
    one.cut();
    const small = { ...held('s1', 900), charges: [budget(1_000_000, 900)] };
    assert.ok((await one.limits.hold(small)).ok);
    assert.ok((await one.limits.hold(small)).ok);
    one.mend();
    await inUse(one);
    one.limits.letGo('s1', 100);
    await until(async () => {
      await one.reserve({ charges: [budget(1_000_000, 0)] });
      // Beside what each of the two sets aside for a time alone: a hundredth of the cap, shared.
      return one.limits.budget(budget(1, 0).key).usedNanoUsd % 5_000 === 100;
    });
  });

  test('of which nobody knows whether it was made is not counted twice for long', async () => {
    const [one] = await two();
    await pass(2_000, ...processes);
    one.faults.set('reserve', ['unheard']);
    // Nothing is set aside of this budget for a time alone.
    assert.equal((await one.limits.hold(held('s1'))).ok, false);
    await pass(2_000, ...processes);
    await inUse(one);
    assert.ok((await one.limits.hold(held('s1'))).ok);
    const [used, open] = await moneyOf(one);
    assert.equal(open, 400);
    one.limits.letGo('s1', 1);
    await becomes(one, used + 1, 0);
  });

  test('counts as used in full where Redis loses its data', async () => {
    const [one, other] = await two();
    assert.ok((await one.limits.hold(held('s1'))).ok);
    await redis.kill();
    await redis.restart();
    await until(() => processes.every(({ limits }) => limits.health().status !== 'ok'), 'the loss');
    await inUse(one, other);
    other.limits.letGo('s1', 30);
    await pass(6_000, one, other);
    const [used, open] = await moneyOf(one);
    // Beside it, what both set aside for a time alone.
    assert.ok(used >= 400 && used <= 410 && open === 0, `${used}, ${open}`);
  });
});

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../test/support/clock.ts';
import { breaker } from '../../test/support/router.ts';
import { createHealth, type Health } from './health.ts';

const name = 'openai/gpt';

describe('the breaker', () => {
  let clock: FakeClock;
  let health: Health;
  const fail = (times: number): void => {
    for (let count = 0; count < times; count++) {
      assert.ok(health.take(name));
      health.failed(name);
    }
  };

  beforeEach(() => {
    clock = createFakeClock();
    health = createHealth(clock, () => breaker);
  });

  test('opens at enough failures, and not before', () => {
    fail(2);
    assert.equal(health.view(name).standing, 'ready');
    fail(1);
    assert.deepEqual(health.view(name), { standing: 'open', untilMs: clock.now() + 5_000 });
    assert.equal(health.take(name), false);
  });

  test('stays closed while most calls succeed', () => {
    for (let count = 0; count < 10; count++) health.succeeded(name);
    fail(3);
    assert.equal(health.view(name).standing, 'ready');
  });

  test('forgets failures older than its window', async () => {
    fail(2);
    await clock.advance(31_000);
    fail(2);
    assert.equal(health.view(name).standing, 'ready');
  });

  test('lets one probe through, and closes on its success', async () => {
    fail(3);
    await clock.advance(5_000);
    assert.equal(health.view(name).standing, 'probe');
    assert.equal(health.take(name), true);
    assert.equal(health.take(name), false);
    assert.equal(health.view(name).standing, 'probing');
    health.succeeded(name);
    assert.equal(health.view(name).standing, 'ready');
  });

  test('reopens for twice as long after a failed probe, up to the cap', async () => {
    fail(3);
    for (const wanted of [10_000, 20_000, 20_000]) {
      await clock.advance(health.view(name).untilMs - clock.now());
      assert.ok(health.take(name));
      health.failed(name);
      assert.equal(health.view(name).untilMs - clock.now(), wanted);
    }
  });

  test('late results from before the opening neither close nor prolong it', async () => {
    fail(3);
    const { untilMs } = health.view(name);
    health.succeeded(name);
    health.failed(name);
    assert.deepEqual(health.view(name), { standing: 'open', untilMs });
  });

  test('a caller who hangs up frees the probe', async () => {
    fail(3);
    await clock.advance(5_000);
    assert.ok(health.take(name));
    health.released(name);
    assert.equal(health.view(name).standing, 'probe');
  });

  test('a throttle is neither failure nor success, and frees the probe', async () => {
    for (let count = 0; count < 20; count++) health.throttled(name, 1, 60_000);
    await clock.advance(1);
    assert.equal(health.view(name).standing, 'ready');
    fail(3);
    await clock.advance(5_000);
    assert.ok(health.take(name));
    health.throttled(name, 1_000, 60_000);
    assert.equal(health.view(name).standing, 'cooling');
    await clock.advance(1_000);
    assert.equal(health.view(name).standing, 'probe');
  });
});

test('health remembers a bounded number of targets, the newest', () => {
  const health = createHealth(createFakeClock(), () => breaker);
  for (let count = 0; count < 5000; count++) health.succeeded(`direct/${count}`);
  assert.equal(health.list().length, 4096);
  assert.equal(health.list().at(-1)?.target, 'direct/4999');
});

describe('cooling', () => {
  test('lasts as long as the provider said, capped', () => {
    const clock = createFakeClock();
    const health = createHealth(clock, () => breaker);
    health.throttled(name, 8_549_000, 60_000);
    assert.deepEqual(health.view(name), { standing: 'cooling', untilMs: clock.now() + 60_000 });
  });

  test('is never shortened by a later, shorter one', () => {
    const clock = createFakeClock();
    const health = createHealth(clock, () => breaker);
    health.throttled(name, 30_000, 60_000);
    health.throttled(name, 1_000, 60_000);
    assert.equal(health.view(name).untilMs, clock.now() + 30_000);
  });

  test('doubles while the provider gives no hint, and starts over after a success', async () => {
    const clock = createFakeClock();
    const health = createHealth(clock, () => breaker);
    const coolings: number[] = [];
    for (let count = 0; count < 3; count++) {
      health.throttled(name, undefined, 60_000);
      coolings.push(health.view(name).untilMs - clock.now());
      await clock.advance(coolings.at(-1) ?? 0);
    }
    health.succeeded(name);
    health.throttled(name, undefined, 60_000);
    coolings.push(health.view(name).untilMs - clock.now());
    assert.deepEqual(coolings, [500, 1000, 2000, 500]);
  });
});

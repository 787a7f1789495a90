import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../test/support/clock.ts';
import { meter, target } from '../../test/support/router.ts';
import { MemoryLimits } from '../limits/memory/limits.ts';
import { Learning } from './learning.ts';

describe('limits learnt from providers', () => {
  let clock: FakeClock;
  let limits: MemoryLimits;
  let learning: Learning;
  const rpm = meter('configured', 100);
  const known = target('a/1', { limits: { meters: [rpm], places: [] } });
  const unknown = target('b/1');
  const minute = 60_000;
  beforeEach(() => {
    clock = createFakeClock();
    limits = new MemoryLimits({ clock });
    learning = new Learning(limits);
  });

  test('what is left lowers our view, and never raises it', () => {
    learning.report(known, { requests: { limit: 100, remaining: 40, periodMs: minute } }, 0);
    assert.equal(limits.level(rpm.bucket), 40);
    learning.report(known, { requests: { limit: 100, remaining: 90, periodMs: minute } }, 0);
    assert.equal(limits.level(rpm.bucket), 40);
  });

  test('what came back while the answer was on its way is not taken off', () => {
    learning.report(known, { requests: { limit: 100, remaining: 40, periodMs: minute } }, 6_000);
    assert.equal(limits.level(rpm.bucket), 50);
  });

  test('a limit that nobody configured is taken from the answer; one that is, stays', () => {
    assert.deepEqual(learning.limitsOf(unknown).meters, []);
    const report = {
      requests: { limit: 500, remaining: 499, periodMs: minute },
      tokens: { limit: 30_000, periodMs: minute },
    };
    learning.report(unknown, report, 0);
    learning.report(known, report, 0);
    const [requests, tokens] = learning.limitsOf(unknown).meters;
    assert.ok(requests !== undefined && tokens !== undefined);
    assert.deepEqual([requests.bucket.limit, requests.measure], [500, 'requests']);
    assert.deepEqual([tokens.bucket.limit, tokens.measure], [30_000, 'tokens']);
    assert.equal(limits.level(requests.bucket), 499);
    assert.deepEqual(
      learning.limitsOf(known).meters.map(({ measure, bucket }) => [measure, bucket.limit]),
      [
        ['requests', 100],
        ['tokens', 30_000],
      ],
    );
    learning.report(unknown, { requests: { limit: 900, periodMs: minute } }, 0);
    assert.equal(learning.limitsOf(unknown).meters[0]?.bucket.limit, 900);
  });

  test('a limit that changes its period does not change what a token is', () => {
    learning.report(unknown, { requests: { limit: 500, remaining: 500, periodMs: 1_000 } }, 0);
    learning.report(unknown, { requests: { limit: 500, remaining: 400, periodMs: minute } }, 0);
    const [one] = learning.limitsOf(unknown).meters;
    assert.ok(one);
    assert.equal(limits.level(one.bucket), 400);
  });

  test('numbers that cannot be true are not learnt', () => {
    for (const limit of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      learning.report(unknown, { requests: { limit, remaining: 1, periodMs: minute } }, 0);
    assert.deepEqual(learning.limitsOf(unknown).meters, []);
  });

  test('a throttle without a word empties what there is', async () => {
    learning.throttled(known);
    assert.equal(limits.level(rpm.bucket), 0);
    await clock.advance(600);
    assert.equal(limits.level(rpm.bucket), 1);
    learning.throttled(unknown);
  });
});

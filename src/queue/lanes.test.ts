/** Lanes and their aging: ranks by table, waits by simulation with a clock of its own. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Priority, priorities } from '../core/facts.ts';
import { defaultHandicaps, type Handicaps, rankOf, worstWaitMs } from './lanes.ts';

const far = Number.MAX_SAFE_INTEGER;

describe('the rank of a request', () => {
  for (const [priority, wanted] of [
    ['high', 1_000],
    ['normal', 61_000],
    ['low', 601_000],
  ] as const)
    test(`of the ${priority} lane is its creation and what the lane stands back`, () => {
      assert.equal(rankOf({ priority, createdAtMs: 1_000, deadlineAtMs: far }), wanted);
    });

  test('with little time stands back less, and never before it was made', () => {
    assert.equal(rankOf({ priority: 'low', createdAtMs: 1_000, deadlineAtMs: 101_000 }), 71_000);
    assert.equal(rankOf({ priority: 'low', createdAtMs: 1_000, deadlineAtMs: 11_000 }), 1_000);
  });
});

interface Simulated {
  readonly lane: Priority;
  readonly createdAtMs: number;
  readonly rankMs: number;
  /** When it came: all that were there or being called. */
  readonly ahead: number;
}

interface Waited extends Simulated {
  readonly waitMs: number;
}

interface Load {
  /** Of each lane, milliseconds between two. */
  readonly everyMs: Readonly<Record<Priority, number>>;
  readonly workers: number;
  readonly callMs: number;
  readonly forMs: number;
  /** The high lane stops adding to itself at so many: its producers wait for answers. */
  readonly mostHigh?: number;
  readonly handicaps?: Handicaps;
}

/** A queue and its workers, a step a millisecond. Steady: no chance in it, so that a bound that fails fails always. */
function simulate({ everyMs, workers, callMs, forMs, mostHigh = far, handicaps }: Load): readonly Waited[] {
  const waiting: Simulated[] = [];
  const done: Waited[] = [];
  const freeAtMs = new Array<number>(workers).fill(0);
  for (let nowMs = 0; nowMs < forMs; nowMs++) {
    const calling = freeAtMs.filter((ms) => ms > nowMs).length;
    for (const lane of priorities) {
      const high = waiting.filter((one) => one.lane === 'high').length;
      if (nowMs % everyMs[lane] !== 0 || (lane === 'high' && high >= mostHigh)) continue;
      const made = { priority: lane, createdAtMs: nowMs, deadlineAtMs: far };
      const rankMs = rankOf(made, handicaps ?? defaultHandicaps);
      waiting.push({ lane, createdAtMs: nowMs, rankMs, ahead: waiting.length + calling });
    }
    for (let worker = 0; worker < workers; worker++) {
      if ((freeAtMs[worker] ?? 0) > nowMs || waiting.length === 0) continue;
      let first = 0;
      waiting.forEach(({ rankMs }, index) => {
        if (rankMs < (waiting[first]?.rankMs ?? far)) first = index;
      });
      const [taken] = waiting.splice(first, 1);
      if (taken === undefined) continue;
      freeAtMs[worker] = nowMs + callMs;
      done.push({ ...taken, waitMs: nowMs + callMs - taken.createdAtMs });
    }
  }
  return done;
}

function perSecond(everyMs: Load['everyMs']): Record<Priority, number> {
  return { high: 1000 / everyMs.high, normal: 1000 / everyMs.normal, low: 1000 / everyMs.low };
}

const handicaps: Handicaps = { high: 0, normal: 400, low: 2_000 };

describe('the low lane', () => {
  // Each overload of the high lane alone takes all that the workers can do.
  for (const [name, load] of [
    [
      'while the high lane has always more than can be done',
      { everyMs: { high: 2, normal: 50, low: 25 }, workers: 4, callMs: 10, forMs: 20_000, mostHigh: 100 },
    ],
    [
      'while two lanes have more',
      { everyMs: { high: 3, normal: 9, low: 40 }, workers: 4, callMs: 10, forMs: 20_000, mostHigh: 50 },
    ],
    [
      'with little else',
      { everyMs: { high: 5, normal: 50, low: 100 }, workers: 4, callMs: 10, forMs: 20_000 },
    ],
  ] as const)
    test(`waits no longer than was computed when it came, ${name}`, () => {
      const done = simulate({ ...load, handicaps });
      const served = load.workers / (load.callMs / 1000);
      // Once the high lane has as many as it keeps waiting.
      const low = done.filter(({ lane, createdAtMs }) => lane === 'low' && createdAtMs > 1_000);
      assert.ok(low.length > 50, `only ${low.length} were served`);
      // Producers that wait for answers add no more than is served.
      const arriving = perSecond(load.everyMs);
      const high = Math.min(arriving.high, served);
      for (const { waitMs, ahead, createdAtMs } of low) {
        const traffic = { ahead, arriving: { ...arriving, high }, served, callMs: load.callMs };
        const most = worstWaitMs('low', traffic, handicaps);
        assert.ok(waitMs <= most + load.callMs, `at ${createdAtMs} it waited ${waitMs}, computed ${most}`);
      }
    });

  test('does not wait longer the longer the overload goes on', () => {
    const load = {
      everyMs: { high: 2, normal: 50, low: 25 },
      workers: 4,
      callMs: 10,
      mostHigh: 100,
      handicaps,
    };
    const worst = (forMs: number, fromMs: number): number =>
      Math.max(
        ...simulate({ ...load, forMs })
          .filter(({ lane, createdAtMs }) => lane === 'low' && createdAtMs >= fromMs)
          .map(({ waitMs }) => waitMs),
      );
    const [early, late] = [worst(10_000, 5_000), worst(30_000, 25_000)];
    assert.ok(late <= early * 1.1, `${early} ms, then ${late} ms`);
  });

  test('would starve by strict lanes, which is what the ranks are for', () => {
    const strict: Handicaps = { high: 0, normal: 1e9, low: 2e9 };
    const done = simulate({
      everyMs: { high: 2, normal: 50, low: 25 },
      workers: 4,
      callMs: 10,
      forMs: 10_000,
      mostHigh: 100,
      handicaps: strict,
    });
    assert.equal(done.filter(({ lane }) => lane === 'low').length <= 1, true);
  });

  test('is overtaken by none that came later than the difference of the handicaps', () => {
    const done = simulate({
      everyMs: { high: 2, normal: 7, low: 25 },
      workers: 4,
      callMs: 10,
      forMs: 10_000,
      mostHigh: 100,
      handicaps,
    });
    done.forEach((one, index) => {
      for (const earlier of done.slice(0, index))
        assert.ok(
          earlier.createdAtMs - one.createdAtMs <= handicaps[one.lane] - handicaps[earlier.lane] ||
            earlier.createdAtMs <= one.createdAtMs,
        );
    });
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, target } from '../../../test/support/router.ts';
import type { Considered } from '../contract.ts';
import { armOf, identityOf, placeOf } from './arm.ts';
import type { Canary } from './contract.ts';
import { edgeOf, type Figures, SlidingFigures, stepOf, sumOf } from './figures.ts';
import { judge, percentile95, whyOf } from './gates.ts';
import { shareOf, stateAt } from './phase.ts';

const hourMs = 3_600_000;
const gates = { errorRate: 0.02, p95: 1.5, cost: 1.5, agreement: 0.9, least: 50, windowMs: 900_000 };
const canary: Canary = {
  id: 'one',
  chain: [{ options: [{ target: target('new/1'), weight: 1 }] }],
  by: 'key',
  phases: [
    { share: 0.05, forMs: 24 * hourMs },
    { share: 0.2, forMs: 48 * hourMs },
    { share: 1, forMs: 24 * hourMs },
  ],
  gates,
};

const limits = { meters: [], places: [] };
const asking = (key: string | undefined, user: string | undefined, id: string): Considered =>
  call({
    id,
    facts: { ...call().facts, ...(user === undefined ? {} : { user }) },
    ...(key === undefined ? {} : { caller: { key, limits, budgets: [] } }),
  });

describe('the arm of a request', () => {
  for (const [by, key, user, identity] of [
    ['key', 'search', 'ann', 'search'],
    ['key', undefined, 'ann', 'ann'],
    ['key', undefined, undefined, 'r1'],
    ['user', 'search', 'ann', 'search\nann'],
    ['user', undefined, 'ann', '\nann'],
    ['user', 'search', undefined, 'search'],
    ['user', undefined, undefined, 'r1'],
    ['request', 'search', 'ann', 'r1'],
  ] as const)
    test(`by ${by}, with key ${key} and user ${user}, is that of ${JSON.stringify(identity)}`, () =>
      assert.equal(identityOf(asking(key, user, 'r1'), by), identity));

  test('is the same for each request of a key, and stays as the share grows', () => {
    for (let key = 0; key < 500; key++) {
      const place = placeOf('assistant', canary, asking(`k${key}`, undefined, 'a'));
      assert.equal(placeOf('assistant', canary, asking(`k${key}`, 'ann', 'b')), place);
      let before = 'usual';
      for (const share of [0, 0.05, 0.2, 0.5, 1]) {
        const arm = armOf(place, share);
        assert.ok(before === 'usual' || arm === 'canary', `${key} left the canary at ${share}`);
        before = arm;
      }
      assert.equal(before, 'canary');
    }
  });

  for (const share of [0.01, 0.05, 0.2, 0.5, 0.9])
    test(`is the canary’s for ${share} of many keys`, () => {
      const keys = 20_000;
      let hits = 0;
      for (let key = 0; key < keys; key++)
        if (armOf(placeOf('assistant', canary, asking(`team-${key}`, undefined, 'a')), share) === 'canary')
          hits += 1;
      const deviation = Math.sqrt(share * (1 - share) * keys);
      assert.ok(Math.abs(hits - share * keys) < 4 * deviation, `${hits} of ${keys}`);
    });

  test('is drawn anew for another canary', () => {
    const first = (id: string): string =>
      Array.from({ length: 200 }, (_, key) =>
        armOf(placeOf('assistant', { ...canary, id }, asking(`k${key}`, undefined, 'a')), 0.5),
      ).join();
    assert.notEqual(first('one'), first('two'));
  });
});

describe('the phase of a canary', () => {
  const record = { id: 'one', startedAtMs: 1_000_000 };
  for (const [hours, phase, share] of [
    [-1, 0, 0.05],
    [0, 0, 0.05],
    [23.99, 0, 0.05],
    [24, 1, 0.2],
    [71.99, 1, 0.2],
    [72, 2, 1],
    [95.99, 2, 1],
  ] as const)
    test(`after ${hours} h is ${phase}`, () =>
      assert.deepEqual(stateAt(canary, record, record.startedAtMs + hours * hourMs), {
        kind: 'running',
        phase,
        share,
      }));

  test('is done after the last, whose share stays', () => {
    const phases = canary.phases.slice(0, 2);
    const later = record.startedAtMs + 1_000 * hourMs;
    assert.deepEqual(stateAt(canary, record, later), { kind: 'done', share: 1 });
    assert.deepEqual(stateAt({ ...canary, phases }, record, later), { kind: 'done', share: 0.2 });
  });

  test('is over once it is rolled back, and done once it is promoted', () => {
    const rolledBack = { why: 'slow', atMs: 5 };
    const back = stateAt(canary, { ...record, rolledBack, promotedAtMs: 4 }, record.startedAtMs);
    assert.deepEqual(back, { kind: 'rolled-back', ...rolledBack });
    assert.equal(shareOf(back), 0);
    assert.deepEqual(stateAt(canary, { ...record, promotedAtMs: 4 }, record.startedAtMs), {
      kind: 'done',
      share: 1,
    });
  });
});

interface Many {
  readonly requests: number;
  readonly failed?: number;
  readonly durationMs?: number;
  readonly cost?: number;
  readonly compared?: number;
  readonly agreed?: number;
}

/** Durations and costs within a fifth around the mean. */
function many({
  requests,
  failed = 0,
  durationMs = 1_000,
  cost = 1_000,
  compared = 0,
  agreed = 0,
}: Many): Figures {
  const figures = new SlidingFigures(1_000_000);
  for (let at = 0; at < requests; at++) {
    const spread = 0.8 + (0.4 * (at % 11)) / 10;
    figures.add(
      at < failed
        ? { arm: 'canary', failed: true }
        : { arm: 'canary', failed: false, durationMs: durationMs * spread, costNanoUsd: cost * spread },
      1,
    );
  }
  for (let at = 0; at < compared; at++) figures.compare(at < agreed, 1);
  return figures.figures('canary', 1);
}

describe('the gates of a canary', () => {
  const usual: Many = { requests: 1_000, failed: 10 };
  for (const [what, mine, theirs, failing] of [
    ['nobody has asked it', { requests: 0 }, usual, []],
    ['it does as well', { requests: 200, failed: 2 }, usual, []],
    ['it does better', { requests: 200, durationMs: 500, cost: 300 }, usual, []],
    ['few have asked it, and all failed', { requests: 49, failed: 49 }, usual, []],
    ['all fail', { requests: 50, failed: 50 }, usual, ['error_rate']],
    ['one in five fails', { requests: 80, failed: 16 }, usual, ['error_rate']],
    [
      'a few more fail than chance explains, within what is allowed',
      { requests: 5_000, failed: 130 },
      usual,
      [],
    ],
    ['both fail alike', { requests: 300, failed: 90 }, { requests: 900, failed: 270 }, []],
    ['three of fifty fail, which is chance', { requests: 50, failed: 3 }, usual, []],
    ['there is nothing to compare with', { requests: 500, failed: 500 }, { requests: 0 }, []],
    ['it takes three times as long', { requests: 60, durationMs: 3_000 }, usual, ['p95']],
    ['it takes a little longer than allowed', { requests: 60, durationMs: 1_450 }, usual, []],
    [
      'it takes three times as long, but no one notices',
      { requests: 60, durationMs: 6 },
      { requests: 1_000, durationMs: 2 },
      [],
    ],
    ['it costs twice as much', { requests: 60, cost: 2_000 }, usual, ['cost']],
    ['it costs a little more', { requests: 60, cost: 1_400 }, usual, []],
    ['half of its answers differ', { requests: 60, compared: 40, agreed: 20 }, usual, ['agreement']],
    ['nearly all of its answers agree', { requests: 60, compared: 40, agreed: 37 }, usual, []],
    ['few answers were compared', { requests: 60, compared: 10, agreed: 0 }, usual, []],
    [
      'all is worse',
      { requests: 90, failed: 45, durationMs: 9_000, cost: 9_000, compared: 40 },
      usual,
      ['error_rate', 'p95', 'cost', 'agreement'],
    ],
  ] as const)
    test(`${failing.length === 0 ? 'hold' : `fail (${failing.join(', ')})`} where ${what}`, () => {
      const readings = judge(gates, many(mine), many(theirs));
      assert.deepEqual(
        readings.filter(({ verdict }) => verdict === 'fails').map(({ gate }) => gate),
        failing,
      );
      assert.equal(readings.length, 4);
    });

  test('that are not configured are not looked at', () => {
    const { least, windowMs } = gates;
    assert.deepEqual(judge({ least, windowMs }, many({ requests: 90, failed: 90 }), many(usual)), []);
  });

  test('allow for the time of day where both were not seen at the same time', () => {
    const verdict = (durationMs: number, old: boolean) =>
      judge({ p95: 1.5, least: 50, windowMs: 1 }, many({ requests: 200, durationMs }), many(usual), old)[0]
        ?.verdict;
    assert.deepEqual(
      [verdict(2_000, false), verdict(2_000, true), verdict(4_000, true)],
      ['fails', 'holds', 'fails'],
    );
  });

  test('say why', () => {
    const mine = many({ requests: 100, failed: 50, durationMs: 4_000, cost: 5e6, compared: 40 });
    const told = judge(gates, mine, many({ ...usual, cost: 1e6 })).map(whyOf);
    assert.match(told[0] ?? '', /^error rate 50\.0 %, usually 1\.0 %; at most 2\.0 % more is allowed$/);
    assert.match(
      told[1] ?? '',
      /^95th percentile of the duration 4\d{3} ms, usually 1\d{3} ms; at most 1\.5 times/,
    );
    assert.match(told[2] ?? '', /^cost of a request \$0\.005\d*, usually \$0\.00\d+; at most 1\.5 times/);
    assert.match(told[3] ?? '', /^0\.0 % of compared answers agree; at least 90\.0 % must$/);
  });
});

describe('figures', () => {
  test('know a duration to within a step', () => {
    for (const durationMs of [0, 0.4, 1, 7, 99, 1_000, 64_000, 3_600_000]) {
      const edge = edgeOf(stepOf(durationMs));
      assert.ok(
        edge >= Math.max(1, durationMs) && edge <= Math.max(1, durationMs) * 1.1,
        `${durationMs}: ${edge}`,
      );
    }
    assert.equal(stepOf(Number.POSITIVE_INFINITY), stepOf(1e12));
    const tail = percentile95(many({ requests: 1_000 }).durations) ?? 0;
    assert.ok(tail > 1_100 && tail < 1_300, `${tail}`);
  });

  test('add up, in any order', () => {
    const parts = [
      many({ requests: 40, failed: 3 }),
      many({ requests: 70, durationMs: 50, compared: 9, agreed: 4 }),
    ];
    const sum = sumOf(parts);
    assert.deepEqual(sumOf([...parts].reverse()), sum);
    assert.equal(sum.requests, 110);
    assert.equal(sum.failed, 3);
    assert.equal(sum.costs.count, 107);
    assert.equal(sum.compared, 9);
    assert.equal(
      sum.durations.reduce((all, [, times]) => all + times, 0),
      107,
    );
  });

  test('slide: what is older than the window is gone, and so is the memory that it took', () => {
    const figures = new SlidingFigures(20_000);
    for (let atMs = 0; atMs < 60_000; atMs += 100) figures.add({ arm: 'usual', failed: false }, atMs);
    const { requests } = figures.figures('usual', 59_999);
    assert.ok(requests >= 190 && requests <= 200, `${requests}`);
    assert.equal(figures.figures('canary', 59_999).requests, 0);
    assert.equal(figures.figures('usual', 90_000).requests, 0);
  });

  test('outlive a clock that goes back', () => {
    const figures = new SlidingFigures(20_000);
    figures.add({ arm: 'usual', failed: true }, 50_000);
    figures.add({ arm: 'usual', failed: true }, 10_000);
    assert.equal(figures.figures('usual', 50_000).failed, 2);
  });
});

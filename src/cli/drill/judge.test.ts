import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { breaker, budgetRule, call, route, target } from '../../../test/support/router.ts';
import type { AttemptRecord } from '../../router/contract.ts';
import { decide } from '../../router/decide.ts';
import type { DecisionRecord } from '../../router/decisions.ts';
import type { HealthView } from '../../router/health.ts';
import type { Seen } from './ask.ts';
import { Judge } from './judge.ts';
import { parseScript } from './script.ts';

const startMs = 1_000_000;
const chain = route([target('a/1'), target('b/1')]);
const day = budgetRule({ capNanoUsd: 100 });

function judgeOf(events: readonly object[]): Judge {
  return new Judge({
    happenings: parseScript('test', { events }).events,
    breaker,
    retryAfterCapMs: 60_000,
    startMs,
  });
}

const seenAt = (atMs: number, overrides: Partial<Seen> = {}): Seen => ({
  route: 'chain',
  atMs: startMs + atMs,
  endedAtMs: startMs + atMs + 500,
  status: 503,
  error: 'overloaded',
  ...overrides,
});

function record(
  code: string,
  tried: readonly AttemptRecord[] = [],
  health: Record<string, HealthView> = {},
): DecisionRecord {
  const first = decide(call(), chain, { view: (name) => health[name] ?? { standing: 'ready', untilMs: 0 } });
  return {
    id: 'req_1',
    atMs: startMs,
    durationMs: 1,
    dialect: 'openai-chat',
    key: undefined,
    policyVersion: 1,
    route: 'chain',
    asked: undefined,
    decided: { first, last: first, rounds: 1 },
    tried,
    outcome: 'failed',
    code,
    status: 503,
    notes: undefined,
  };
}

const broken = (judge: Judge): readonly string[] =>
  judge.verdicts().flatMap(({ promise, held }) => (held ? [] : [promise]));

describe('the judge of a drill', () => {
  const outageOfA = [{ at: '2m', for: '1m', outage: 'a' }];
  const open = { 'b/1': { standing: 'open', untilMs: 1 } } as const;
  const refused: AttemptRecord = { target: 'b/1', outcome: 'refused', code: 'no_room', durationMs: 0 };
  const rows: readonly [string, readonly object[], number, DecisionRecord, readonly string[]][] = [
    [
      'a provider error while the other is well',
      outageOfA,
      130_000,
      record('upstream_overloaded'),
      ['outage'],
    ],
    ['so is being told that nobody can answer', outageOfA, 130_000, record('no_candidate'), ['outage']],
    [
      'one that the gateway took for sick while it was well',
      outageOfA,
      130_000,
      record('no_candidate', [], open),
      ['outage'],
    ],
    [
      'both are down',
      [...outageOfA, { at: '2m', outage: 'b/*' }],
      130_000,
      record('upstream_overloaded'),
      [],
    ],
    ['the other had no room', outageOfA, 130_000, record('upstream_overloaded', [refused]), []],
    ['our own limits are no provider error', outageOfA, 130_000, record('no_room'), []],
    ['nor is a caller’s mistake', outageOfA, 130_000, record('invalid_request'), []],
    [
      'it came back a moment ago, and nobody can know yet',
      [{ at: '1m', for: '1m', outage: '*' }],
      125_000,
      record('no_candidate'),
      [],
    ],
    [
      'it came back long ago',
      [{ at: '1m', for: '1m', outage: '*' }],
      300_000,
      record('no_candidate'),
      ['outage'],
    ],
    [
      'it went down while the request ran',
      [...outageOfA, { at: '130400ms', outage: 'b' }],
      130_000,
      record('upstream_fault'),
      [],
    ],
    [
      'only another model of it is down',
      [...outageOfA, { at: '2m', outage: 'b/2' }],
      130_000,
      record('upstream_fault'),
      ['outage'],
    ],
  ];
  for (const [name, events, atMs, why, wanted] of rows) {
    test(`${name}: ${wanted.length === 0 ? 'held' : 'broken'}`, () => {
      const judge = judgeOf(events);
      judge.failed(seenAt(atMs), why);
      assert.deepEqual(broken(judge), wanted);
    });
  }

  test('no answer at all, a budget passed, a limit passed', () => {
    const judge = judgeOf([]);
    judge.failed(seenAt(0, { status: 0, error: 'no-answer' }), undefined);
    judge.budget(day, 'all/day', 101, startMs);
    judge.overLimit(2, startMs + 61_000);
    assert.deepEqual(broken(judge), ['budget', 'limits', 'answered']);
    const limits = judge.verdicts().find(({ promise }) => promise === 'limits');
    assert.equal(limits?.broken, 2);
    assert.match(limits?.because[0] ?? '', /^minute 2: /);
  });

  test('a budget that is used up is not passed, and a soft one never is', () => {
    const judge = judgeOf([]);
    judge.budget(day, 'all/day', 100, startMs);
    judge.budget({ ...day, hard: false }, 'all/day', 500, startMs);
    assert.deepEqual(broken(judge), []);
  });

  test('keeps the first of many reasons, and counts all', () => {
    const judge = judgeOf([]);
    judge.overLimit(50, startMs);
    const limits = judge.verdicts().find(({ promise }) => promise === 'limits');
    assert.equal(limits?.broken, 50);
    assert.equal(limits?.because.length, 5);
  });
});

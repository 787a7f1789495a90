/** What becomes of an item that was not answered, rule by rule. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ItemError } from './contract.ts';
import { type Failure, judge, type Verdict, type Ways } from './judge.ts';

const nowMs = 1_000_000;
const ways = (changes: Partial<Ways> = {}): Ways => ({
  next: undefined,
  direct: false,
  nowMs,
  retryMs: [60_000, 300_000],
  ...changes,
});
const error = (code: ItemError['code'] = 'upstream_fault'): ItemError => ({
  code,
  message: 'It failed.',
  status: 500,
});
const failed = (retry: 'never' | 'same' | 'other' | 'later', code?: ItemError['code']): Failure => ({
  kind: 'error',
  error: error(code),
  retry,
});
const fresh = { strikes: 0, formStrikes: 0 };

const rows: readonly (readonly [string, typeof fresh, Failure, Ways, Verdict])[] = [
  [
    'a first failure waits a minute',
    fresh,
    failed('same'),
    ways(),
    { state: 'waiting', strikes: 1, dueAtMs: nowMs + 60_000 },
  ],
  [
    'a second waits five',
    { ...fresh, strikes: 1 },
    failed('same'),
    ways(),
    { state: 'waiting', strikes: 2, dueAtMs: nowMs + 300_000 },
  ],
  [
    'a third is asked alone',
    { ...fresh, strikes: 2 },
    failed('later'),
    ways(),
    { state: 'alone', strikes: 3, dueAtMs: nowMs },
  ],
  [
    'a failure stays at its target although there is another',
    fresh,
    failed('other'),
    ways({ next: 1 }),
    { state: 'waiting', strikes: 1, dueAtMs: nowMs + 60_000 },
  ],
  [
    'a mistake of the caller is dead at once',
    fresh,
    failed('never', 'invalid_request'),
    ways({ next: 1, direct: true }),
    { state: 'dead', error: error('invalid_request') },
  ],
  [
    'what this target cannot carry goes on',
    fresh,
    failed('never', 'unsupported'),
    ways({ next: 2 }),
    { state: 'waiting', step: 2, dueAtMs: nowMs },
  ],
  [
    'and to a sync target where no batch is left',
    fresh,
    failed('never', 'unsupported'),
    ways({ direct: true }),
    { state: 'alone', dueAtMs: nowMs },
  ],
  [
    'and is dead where nothing is left',
    fresh,
    failed('never', 'unsupported'),
    ways(),
    { state: 'dead', error: error('unsupported') },
  ],
  [
    'what is too long goes to a larger window',
    fresh,
    failed('other', 'context_too_long'),
    ways({ next: 1 }),
    { state: 'waiting', step: 1, dueAtMs: nowMs },
  ],
  [
    'a job that failed as a whole goes on, and is no strike',
    fresh,
    { kind: 'refused', error: error('upstream_refused_shape') },
    ways({ next: 1 }),
    { state: 'waiting', step: 1, dueAtMs: nowMs },
  ],
  [
    'and is one where nothing is next',
    fresh,
    { kind: 'refused', error: error('upstream_refused_shape') },
    ways(),
    { state: 'waiting', strikes: 1, dueAtMs: nowMs + 60_000 },
  ],
  [
    'but for want of room, which passes',
    { ...fresh, strikes: 2 },
    { kind: 'refused', error: error('rate_limited') },
    ways(),
    { state: 'waiting', dueAtMs: nowMs + 60_000 },
  ],
  [
    'what has expired goes on',
    fresh,
    { kind: 'expired', error: error() },
    ways({ next: 1 }),
    { state: 'waiting', step: 1, dueAtMs: nowMs },
  ],
  [
    'and is a strike where nothing is next',
    fresh,
    { kind: 'expired', error: error() },
    ways(),
    { state: 'waiting', strikes: 1, dueAtMs: nowMs + 60_000 },
  ],
  [
    'what we stopped is asked alone',
    fresh,
    { kind: 'cancelled', error: error() },
    ways({ next: 1 }),
    { state: 'alone', dueAtMs: nowMs },
  ],
  [
    'what is missing is a strike',
    { ...fresh, strikes: 1 },
    { kind: 'missing', error: error() },
    ways(),
    { state: 'waiting', strikes: 2, dueAtMs: nowMs + 300_000 },
  ],
  [
    'a wrong form is asked for once more',
    fresh,
    { kind: 'form', error: error() },
    ways({ next: 1 }),
    { state: 'waiting', formStrikes: 1, dueAtMs: nowMs + 60_000 },
  ],
  [
    'then of the next target',
    { ...fresh, formStrikes: 1 },
    { kind: 'form', error: error() },
    ways({ next: 1 }),
    { state: 'waiting', step: 1, dueAtMs: nowMs },
  ],
  [
    'then it is dead',
    { ...fresh, formStrikes: 1 },
    { kind: 'form', error: error() },
    ways(),
    { state: 'dead', error: error() },
  ],
];

describe('an item that was not answered', () => {
  for (const [name, item, failure, left, verdict] of rows)
    test(name, () => assert.deepEqual(judge(item, failure, left), verdict));

  test('comes to an end, whatever fails', () => {
    let item = fresh;
    for (let round = 0; round < 10; round++) {
      const verdict = judge(item, failed('same'), ways({ next: 1 }));
      if (verdict.state !== 'waiting') {
        assert.equal(round, 2);
        return;
      }
      item = { ...item, strikes: verdict.strikes ?? item.strikes };
    }
    assert.fail('it waits for ever');
  });
});

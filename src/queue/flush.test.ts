import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WaitingGroup } from '../stores/queue/contract.ts';
import { decideFlush, type Flush } from './flush.ts';
import { groupOf, routeOfGroup } from './group.ts';

const minute = 60_000;
const hour = 60 * minute;
const at = 1_800_000_000_000;
const policy = { batchItems: 5_000, batchAgeMs: 10 * minute, leastItems: 20 };
const usual: WaitingGroup = {
  group: 'g',
  requests: 100,
  bytes: 1_000,
  firstAtMs: at,
  earliestDeadlineAtMs: at + 24 * hour,
};

const rows: readonly (readonly [string, Partial<WaitingGroup>, number, Flush, Partial<typeof policy>?])[] = [
  ['few and young', {}, at, { kind: 'wait', untilMs: at + 10 * minute }],
  ['a millisecond before its age', {}, at + 10 * minute - 1, { kind: 'wait', untilMs: at + 10 * minute }],
  ['of its age', {}, at + 10 * minute, { kind: 'batch', limit: 100, why: 'age' }],
  ['full', { requests: 5_000 }, at, { kind: 'batch', limit: 5_000, why: 'count' }],
  ['one short of full', { requests: 4_999 }, at, { kind: 'wait', untilMs: at + 10 * minute }],
  ['a little over: all go along', { requests: 5_019 }, at, { kind: 'batch', limit: 5_019, why: 'count' }],
  ['over by enough for another', { requests: 5_020 }, at, { kind: 'batch', limit: 5_000, why: 'count' }],
  ['too few at its age', { requests: 19 }, at + 10 * minute, { kind: 'queue' }],
  ['just enough at its age', { requests: 20 }, at + 10 * minute, { kind: 'batch', limit: 20, why: 'age' }],
  ['too few, and young', { requests: 1 }, at, { kind: 'wait', untilMs: at + 10 * minute }],
  [
    'an hour: a tenth of it',
    { earliestDeadlineAtMs: at + hour },
    at,
    { kind: 'wait', untilMs: at + 6 * minute },
  ],
  [
    'an hour, a tenth of it gone',
    { earliestDeadlineAtMs: at + hour },
    at + 6 * minute,
    { kind: 'batch', limit: 100, why: 'deadline' },
  ],
  ['an hour, too few', { earliestDeadlineAtMs: at + hour, requests: 2 }, at + 6 * minute, { kind: 'queue' }],
  [
    'a long age and a day: a tenth of the day',
    {},
    at,
    { kind: 'wait', untilMs: at + 2.4 * hour },
    { batchAgeMs: 12 * hour },
  ],
  [
    'a long age and two days: the provider’s window is left',
    { earliestDeadlineAtMs: at + 48 * hour },
    at,
    { kind: 'wait', untilMs: at + 12 * hour },
    { batchAgeMs: 12 * hour },
  ],
  [
    'thirty hours: what is over the window',
    { earliestDeadlineAtMs: at + 30 * hour },
    at,
    { kind: 'wait', untilMs: at + 6 * hour },
    { batchAgeMs: 12 * hour },
  ],
  [
    'a deadline that has passed',
    { earliestDeadlineAtMs: at - 1 },
    at,
    { kind: 'batch', limit: 100, why: 'deadline' },
  ],
  [
    'a single one is enough where so configured',
    { requests: 1 },
    at + hour,
    { kind: 'batch', limit: 1, why: 'age' },
    { leastItems: 1 },
  ],
];

describe('when a group becomes a batch', () => {
  for (const [what, changes, nowMs, wanted, own = {}] of rows)
    test(what, () =>
      assert.deepEqual(decideFlush({ ...usual, ...changes }, { ...policy, ...own }, nowMs), wanted),
    );
});

describe('groups', () => {
  const request = {
    owner: 'app',
    dialect: 'openai-chat',
    route: 'a "route"',
    priority: 'normal' as const,
    tags: ['b', 'a'],
    createdAtMs: at,
    deadlineAtMs: at + 24 * hour,
  };
  const other = (changes: Partial<typeof request> & { team?: string }) =>
    groupOf({ ...request, ...changes }) !== groupOf(request);

  test('part by all that a batch has once', () => {
    assert.ok(other({ owner: 'other' }));
    assert.ok(other({ team: 'blue' }));
    assert.ok(other({ dialect: 'anthropic-messages' }));
    assert.ok(other({ route: 'else' }));
    assert.ok(other({ tags: ['a'] }));
    assert.ok(groupOf({ ...request, priority: 'low' }) !== groupOf(request));
  });

  test('do not part by the order of tags', () => assert.ok(!other({ tags: ['a', 'b', 'a'] })));

  test('part those in a hurry from those that have a day', () => {
    assert.ok(other({ deadlineAtMs: at + hour }));
    assert.ok(other({ deadlineAtMs: at + 3 * hour }));
    assert.ok(!other({ deadlineAtMs: at + 23 * hour }));
    assert.equal(
      groupOf({ ...request, deadlineAtMs: at + 48 * hour }),
      groupOf({ ...request, deadlineAtMs: at + 96 * hour }),
    );
  });

  test('tell their route', () => {
    assert.equal(routeOfGroup(groupOf(request)), 'a "route"');
    assert.equal(routeOfGroup('something'), undefined);
    assert.equal(routeOfGroup('["a"]'), undefined);
  });
});

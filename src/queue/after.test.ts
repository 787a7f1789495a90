/** What becomes of a request that was not answered, by table. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorCode, type ErrorOptions, GatewayError } from '../core/errors.ts';
import { type AfterInput, afterError, afterWrongForm } from './after.ts';

const nowMs = 1_000_000;
const usual: AfterInput = { nowMs, deadlineAtMs: nowMs + 3_600_000, tries: 1, chance: 1 };

/** Milliseconds until it is called again, `!` where no call was made, `+` where its route waits too; or that it has failed. */
function told(code: ErrorCode, options: ErrorOptions, input: Partial<AfterInput>): string {
  const one = afterError(new GatewayError(code, 'no', options), { ...usual, ...input });
  if (one.kind === 'fail') return 'fail';
  return `${one.dueAtMs - nowMs}${one.counted ? '' : '!'}${one.pause ? '+' : ''}`;
}

const rows: readonly (readonly [
  what: string,
  code: ErrorCode,
  options: ErrorOptions,
  input: Partial<AfterInput>,
  wanted: string,
])[] = [
  ['the caller’s own mistake', 'invalid_request', {}, {}, 'fail'],
  ['a filter', 'content_blocked', {}, {}, 'fail'],
  ['too long for any target', 'context_too_long', {}, {}, 'fail'],
  ['a key that is gone', 'forbidden', {}, {}, 'fail'],
  ['a price nobody knows', 'price_unknown', {}, {}, 'fail'],
  ['a defect of ours', 'internal', {}, {}, 'fail'],
  ['a server error, the first time', 'upstream_fault', {}, {}, '1000'],
  ['half as long at least', 'upstream_fault', {}, { chance: 0 }, '500'],
  ['the fourth time', 'upstream_fault', {}, { tries: 4 }, '8000'],
  ['the hundredth time', 'upstream_unreachable', {}, { tries: 100 }, '120000'],
  ['a throttle that says when', 'rate_limited', { retryAfterMs: 7_000 }, {}, '7000'],
  ['our credentials refused', 'upstream_auth', {}, {}, '1000'],
  ['a broken answer', 'upstream_malformed', {}, { tries: 2 }, '2000'],
  ['a third broken answer, each paid', 'upstream_truncated', {}, { tries: 3 }, 'fail'],
  [
    'a wait beyond the deadline: a last call before it',
    'rate_limited',
    { retryAfterMs: 60_000 },
    { deadlineAtMs: nowMs + 30_000 },
    '20000',
  ],
  ['no time for a last call', 'upstream_overloaded', {}, { tries: 9, deadlineAtMs: nowMs + 9_000 }, 'fail'],
  ['no time at all', 'upstream_fault', {}, { deadlineAtMs: nowMs + 400 }, 'fail'],
  ['no room', 'no_room', { retryAfterMs: 4_000 }, { chance: 0 }, '4000!+'],
  ['no room for long: asked about sooner', 'no_room', { retryAfterMs: 600_000 }, { chance: 0 }, '30000!+'],
  ['more than a limit ever allows', 'no_room', { retry: 'never' }, {}, 'fail'],
  ['all targets cool', 'no_candidate', {}, { chance: 0 }, '1000!+'],
  [
    'the key’s own limit, which others do not have',
    'key_limited',
    { retryAfterMs: 2_000 },
    { chance: 0 },
    '2000!',
  ],
  ['more than the key ever allows', 'key_limited', {}, {}, 'fail'],
  ['a budget that is reset in time', 'over_budget', { retryAfterMs: 1_800_000 }, { chance: 0 }, '1800000!'],
  ['a budget that is not', 'over_budget', { retryAfterMs: 7_200_000 }, {}, 'fail'],
  ['a store that cannot be written', 'store_unavailable', { retryAfterMs: 5_000 }, { chance: 0 }, '5000!+'],
  [
    'no room until shortly before the deadline',
    'no_room',
    { retryAfterMs: 20_000 },
    { chance: 0, deadlineAtMs: nowMs + 10_000 },
    '9500!+',
  ],
];

describe('after an error', () => {
  for (const [what, code, options, input, wanted] of rows)
    test(`${what}: ${wanted}`, () => assert.equal(told(code, options, input), wanted));
});

describe('after an answer of the wrong form', () => {
  test('it is asked once more, at once', () => {
    assert.deepEqual(afterWrongForm(usual), { kind: 'again', dueAtMs: nowMs, counted: true, pause: false });
    assert.deepEqual(afterWrongForm({ ...usual, tries: 2 }), { kind: 'fail' });
  });
});

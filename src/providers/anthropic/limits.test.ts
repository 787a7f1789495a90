import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { modelInfo } from '../../catalog/catalog.ts';
import fixtures from './fixtures/limits.json' with { type: 'json' };
import { provider } from './index.ts';
import { createLimitReader } from './limits.ts';
import { settings } from './settings.ts';

const buckets = ['requests', 'tokens', 'input-tokens', 'output-tokens'];
const noon = Date.UTC(2026, 10, 20, 12);

describe('limits told beside answers', () => {
  for (const { from, now, headers, report } of fixtures)
    test(`are read as recorded: ${from}`, () => {
      const clock = { now: () => Date.parse(now), after: () => () => {} };
      const account = provider.create('account', settings.parse({}), { env: {}, clock });
      const endpoint = account.chat?.(modelInfo('claude-haiku-4-5'));
      assert.deepEqual(endpoint?.readLimits?.(present(headers)), report);
    });

  test('are absent where nothing is said', () => {
    assert.equal(createLimitReader(() => noon)({ 'retry-after': '10', 'request-id': 'req_fx' }), undefined);
  });

  const told = (reset: string, date?: string) =>
    createLimitReader(() => noon)({
      'anthropic-ratelimit-tokens-limit': '100',
      'anthropic-ratelimit-tokens-reset': reset,
      ...(date === undefined ? {} : { date }),
    })?.tokens?.resetMs;

  test('the server’s own clock counts, not ours', () => {
    assert.equal(told('2026-11-20T15:00:07Z', 'Fri, 20 Nov 2026 15:00:00 GMT'), 7000);
    assert.equal(told('2026-11-20T12:00:07Z'), 7000);
    assert.equal(told('2026-11-20T12:00:07Z', 'today'), 7000);
  });

  test('a reset that is past is now, one of next week is none', () => {
    assert.equal(told('2026-11-20T11:59:58Z'), 0);
    assert.equal(told('2026-11-27T12:00:00Z'), undefined);
    assert.equal(told('soon'), undefined);
  });

  test('hostile headers never throw, and never make a number that is negative or endless', () => {
    const name = fc
      .tuple(fc.constantFrom(...buckets), fc.constantFrom('limit', 'remaining', 'reset'))
      .map(([bucket, what]) => `anthropic-ratelimit-${bucket}-${what}`);
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '-1',
        '0',
        '9'.repeat(40),
        '9'.repeat(100_000),
        '2026-11-20T12:00:0',
        '9999-99-99T99:99:99Z',
      ),
      fc.string({ unit: fc.constantFrom(...'0123456789-:TZ.'), minLength: 18, maxLength: 30 }),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    const block = fc.dictionary(fc.oneof(name, fc.constant('date')), value);
    fc.assert(
      fc.property(block, (headers) => {
        const { requests, tokens, inputTokens, outputTokens } = createLimitReader(() => noon)(headers) ?? {};
        for (const state of [requests, tokens, inputTokens, outputTokens])
          for (const number of [state?.limit, state?.remaining, state?.resetMs, state?.periodMs])
            assert.ok(
              number === undefined || (Number.isFinite(number) && number >= 0),
              JSON.stringify(state),
            );
      }),
      { numRuns: 2000 },
    );
  });
});

/** The rows of a JSON file get one type together, in which every header may be missing. */
function present(headers: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

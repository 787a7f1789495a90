import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLimitReader, dayMs, type LimitTraits, minuteMs, plainLimits } from './limits.ts';

function headers(kind: string, limit: string, remaining: string, reset: string): Record<string, string> {
  return {
    [`x-ratelimit-limit-${kind}`]: limit,
    [`x-ratelimit-remaining-${kind}`]: remaining,
    [`x-ratelimit-reset-${kind}`]: reset,
  };
}

describe('what is not said or cannot be read', () => {
  const read = createLimitReader();

  test('is nothing at all where no header is there', () => {
    assert.equal(read({ 'content-type': 'application/json', 'x-request-id': 'req_1' }), undefined);
  });

  test('is left out, and the rest is kept', () => {
    assert.deepEqual(read(headers('requests', 'many', '7', 'soon')), {
      requests: { remaining: 7, periodMs: minuteMs },
    });
    assert.deepEqual(read(headers('tokens', '100', '-1', '-5')), {
      tokens: { limit: 100, periodMs: minuteMs },
    });
  });

  test('is a reset of a bucket that nobody has seen', () => {
    assert.equal(read({ 'x-ratelimit-reset-requests': '5s' }), undefined);
  });

  test('is a reset that is a moment in time', () => {
    assert.deepEqual(read(headers('requests', '20', '0', '1763640000')), {
      requests: { limit: 20, remaining: 0, periodMs: minuteMs },
    });
  });

  test('a header sent twice', () => {
    assert.equal(read(headers('requests', '10, 20', '5, 6', '1s, 2s')), undefined);
  });
});

describe('a second bucket of tokens', () => {
  const read = createLimitReader({ ...plainLimits, moreTokens: 'project-tokens' });

  test('counts where it has less left', () => {
    const both = {
      ...headers('tokens', '1000', '900', '1s'),
      ...headers('project-tokens', '500', '20', '2s'),
    };
    assert.equal(read(both)?.tokens?.remaining, 20);
    assert.equal(read({ ...both, 'x-ratelimit-remaining-project-tokens': '950' })?.tokens?.limit, 1000);
  });

  test('counts where it is the only one', () => {
    assert.equal(read(headers('project-tokens', '500', '20', '2s'))?.tokens?.limit, 500);
  });
});

describe('the period of an evenly refilled bucket', () => {
  const read = createLimitReader({ ...plainLimits, evenRefill: true });
  const periodOf = (limit: string, remaining: string, reset: string) =>
    read(headers('requests', limit, remaining, reset))?.requests?.periodMs;

  test('is a day where one request takes a day’s share to come back', () => {
    assert.equal(periodOf('10000', '9999', '8.64s'), dayMs);
    assert.equal(periodOf('200', '0', '24h0m0s'), dayMs);
  });

  test('is a minute otherwise, and where nothing tells', () => {
    assert.equal(periodOf('10000', '9999', '6ms'), minuteMs);
    assert.equal(periodOf('10000', '10000', '0s'), minuteMs);
    assert.equal(periodOf('0', '0', '1s'), minuteMs);
    assert.equal(periodOf('3', '0', '1m0s'), minuteMs);
    assert.equal(periodOf('10', '20', '8.64s'), minuteMs);
  });

  test('is found for every day’s limit and every use of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (limit, part) => {
          const used = Math.max(1, Math.floor(limit * part));
          const reset = `${Math.max(1, Math.round((used / limit) * dayMs))}ms`;
          assert.equal(periodOf(String(limit), String(limit - used), reset), dayMs);
        },
      ),
    );
  });

  test('is a minute for every minute’s limit and every use of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (limit, part) => {
          const used = Math.max(1, Math.floor(limit * part));
          const reset = `${Math.ceil((used / limit) * minuteMs)}ms`;
          assert.equal(periodOf(String(limit), String(limit - used), reset), minuteMs);
        },
      ),
    );
  });
});

describe('hostile headers', () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '-1',
      '0',
      '1e999',
      'NaN',
      'Infinity',
      '9'.repeat(40),
      '9'.repeat(100_000),
      '__proto__',
      '0.0.0',
    ),
    fc.string({ unit: fc.constantFrom(...'0123456789.msh-') }),
  );
  const name = fc
    .tuple(
      fc.constantFrom('limit', 'remaining', 'reset', 'renewalperiod'),
      fc.constantFrom('requests', 'tokens', 'project-tokens'),
    )
    .map(([what, kind]) => `x-ratelimit-${what}-${kind}`);
  const traits: fc.Arbitrary<LimitTraits> = fc.record({
    requests: fc.constant('requests'),
    tokens: fc.constant('tokens'),
    moreTokens: fc.constant('project-tokens'),
    requestsPeriodMs: fc.constantFrom(minuteMs, dayMs),
    tokensPeriodMs: fc.constant(minuteMs),
    tellsPeriod: fc.boolean(),
    bareReset: fc.constantFrom('seconds' as const, 'mixed' as const),
    evenRefill: fc.boolean(),
  });

  test('never throw, and never make a number that is negative or endless', () => {
    fc.assert(
      fc.property(fc.dictionary(name, value), traits, (block, trait) => {
        const { requests, tokens, inputTokens, outputTokens } = createLimitReader(trait)(block) ?? {};
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

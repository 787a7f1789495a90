import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationMs, retryAfterInText, retryAfterMs } from './retry-after.ts';

describe('a wait in words', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['Please try again in 1.2s. Visit the page.', 1200],
    ['Please try again in 20s.', 20_000],
    ['Please try again in 132ms.', 132],
    ['Please try again in 6m0s.', 360_000],
    ['Please try again in 2m59.56s. Need more tokens?', 179_560],
    ['Please try again in 1h12m57.6s.', 4_377_600],
    ['Please retry in 48.939935699s.', 48_939.935699],
    ['Please retry after 7 seconds.', 7000],
    ['Please retry after 1 second.', 1000],
    ['Please retry after 86400 seconds.', 86_400_000],
    ['try again in 5 minutes', 300_000],
    ['try again in 250 milliseconds', 250],
    ['try again in 2 hours', 7_200_000],
    ['Retry after 1 day.', 86_400_000],
    ['try again in 0s', undefined],
    ['try again in 2 months', undefined],
    ['try again in a while', undefined],
    ['try again in 5 sheep', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases)
    test(`"${text}" is ${expected}`, () => {
      const read = retryAfterInText(text);
      if (expected === undefined || read === undefined) assert.equal(read, expected);
      else assert.ok(Math.abs(read - expected) < 1e-6, String(read));
    });
});

test('a duration of nothing is no wait', () => {
  assert.equal(durationMs(' 34.07s '), 34_070);
  assert.equal(durationMs('0s'), undefined);
  assert.equal(durationMs('soon'), undefined);
});

describe('a wait in headers', () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, number | undefined])[] = [
    [{ 'retry-after-ms': '6750', 'retry-after': '7' }, 6750],
    [{ 'retry-after-ms': '0', 'retry-after': '1' }, 1000],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after': 'Fri, 20 Nov 2026 12:00:10 GMT', date: 'Fri, 20 Nov 2026 12:00:00 GMT' }, 10_000],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ];
  for (const [headers, expected] of cases)
    test(`${JSON.stringify(headers)} is ${expected}`, () => assert.equal(retryAfterMs(headers, 0), expected));
});

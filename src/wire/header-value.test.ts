import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readDuration, readHttpDate, readNumber, readTimestamp } from './header-value.ts';

describe('numbers in headers', () => {
  const cases: readonly (readonly [string | undefined, number | undefined])[] = [
    ['0', 0],
    ['150000000', 150_000_000],
    ['6.5', 6.5],
    ['34.07', 34.07],
    [undefined, undefined],
    ['', undefined],
    [' 1', undefined],
    ['-1', undefined],
    ['+1', undefined],
    ['1e5', undefined],
    ['0x10', undefined],
    ['.5', undefined],
    ['5.', undefined],
    ['1.2.3', undefined],
    ['10, 10', undefined],
    ['unlimited', undefined],
    ['9'.repeat(41), undefined],
  ];
  for (const [text, expected] of cases)
    test(`${text} is ${expected}`, () => assert.equal(readNumber(text), expected));
});

describe('durations in headers', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['1m4.296s', 64_296],
    ['8.64s', 8640],
    ['5ms', 5],
    ['0s', 0],
    ['6m0s', 360_000],
    ['2m59.56s', 179_560],
    ['1h2m3s', 3_723_000],
    ['1d', 86_400_000],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['250μs', 0.25],
    ['5000000ns', 5],
    ['7', undefined],
    ['s', undefined],
    ['-1s', undefined],
    ['1m 4s', undefined],
    ['1x', undefined],
    ['1mss', undefined],
    ['1..5s', undefined],
    ['1s5', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases)
    test(`"${text}" is ${expected}`, () => assert.equal(readDuration(text), expected));
});

describe('times in headers', () => {
  test('read as Date.parse reads them, for every second of two centuries', () => {
    const seconds = fc.integer({ min: 0, max: 4_102_444_800 });
    fc.assert(
      fc.property(seconds, (second) => {
        const date = new Date(second * 1000);
        assert.equal(readTimestamp(date.toISOString()), second * 1000);
        assert.equal(readTimestamp(date.toISOString().replace('.000', '')), second * 1000);
        assert.equal(readHttpDate(date.toUTCString()), second * 1000);
      }),
    );
  });

  test('an offset is taken into account', () => {
    assert.equal(readTimestamp('2026-11-20T13:00:00+01:00'), Date.UTC(2026, 10, 20, 12));
  });

  for (const text of [undefined, '', 'soon', '2026', '2026-xx-20T12:00:00Z', '1790000000', 'x'.repeat(29)])
    test(`${text} is no time`, () => {
      assert.equal(readTimestamp(text), undefined);
      assert.equal(readHttpDate(text), undefined);
    });

  test('a month that is none is no time', () => {
    assert.equal(readHttpDate('Fri, 20 Foo 2026 12:00:00 GMT'), undefined);
    assert.equal(readHttpDate('Fri, 20 anF 2026 12:00:00 GMT'), undefined);
  });
});

test('no text whatsoever makes the readers throw, or answer less than zero', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.msuhdnµ-:TZ ') })),
      (text) => {
        for (const read of [readNumber, readDuration]) {
          const value = read(text);
          assert.ok(value === undefined || value >= 0, `${text}: ${value}`);
        }
        readTimestamp(text);
        readHttpDate(text);
      },
    ),
    { numRuns: 2000 },
  );
});

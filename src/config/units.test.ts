import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readCount, readDuration, readMoney, readRange, readShare } from './units.ts';

const tables: readonly {
  readonly name: string;
  readonly read: (value: unknown) => unknown;
  readonly right: readonly (readonly [unknown, unknown])[];
  readonly wrong: readonly unknown[];
}[] = [
  {
    name: 'durations',
    read: readDuration,
    right: [
      ['250ms', 250],
      ['5s', 5000],
      ['45m', 2_700_000],
      ['1h30m', 5_400_000],
      ['1d2h3m4s5ms', 93_784_005],
      ['0.5s', 500],
      ['1.5h', 5_400_000],
      ['0s', 0],
      ['24d', 2_073_600_000],
    ],
    wrong: [
      '',
      '5',
      5,
      '5 s',
      '-5s',
      '5S',
      's',
      '30m1h',
      '5s5s',
      '1e3s',
      '.5s',
      '5.s',
      '25d',
      null,
      undefined,
      {},
    ],
  },
  {
    name: 'counts',
    read: readCount,
    right: [
      [0, 0],
      [32_000, 32_000],
      ['32000', 32_000],
      ['400k', 400_000],
      ['1.5M', 1_500_000],
      ['1.1k', 1100],
      ['100M', 100_000_000],
      ['2G', 2_000_000_000],
      ['1T', 1_000_000_000_000],
    ],
    wrong: [
      -1,
      1.5,
      '1.5',
      '1.0005k',
      '32MB',
      '32 M',
      'k',
      '',
      '4K',
      '9999999T',
      Number.NaN,
      Number.POSITIVE_INFINITY,
      true,
      null,
    ],
  },
  {
    name: 'money',
    read: readMoney,
    right: [
      ['$20', 20_000_000],
      ['$0.50', 500_000],
      ['$0.000001', 1],
      ['$1234.56', 1_234_560_000],
    ],
    wrong: ['20', 20, '20$', '$-1', '$1,000', '$0.0000001', '€20', '$', '$1.', null],
  },
  {
    name: 'shares',
    read: readShare,
    right: [
      ['50%', 0.5],
      ['0%', 0],
      ['100%', 1],
      ['12.5%', 0.125],
      [0.5, 0.5],
      ['0.5', 0.5],
      [1, 1],
    ],
    wrong: ['101%', 1.01, -0.1, '50', '50 %', '%', null],
  },
  {
    name: 'ranges',
    read: readRange,
    right: [
      ['> 8k', { min: 8001 }],
      ['>= 1k', { min: 1000 }],
      ['< 200k', { max: 199_999 }],
      ['<= 4000', { max: 4000 }],
      ['1k..8k', { min: 1000, max: 8000 }],
      ['1k .. 8k', { min: 1000, max: 8000 }],
      ['>0', { min: 1 }],
    ],
    wrong: ['8k', '8k..1k', '> many', '=> 8k', '< 0', '', 8000, '..8k', '1k..', null],
  },
];

for (const { name, read, right, wrong } of tables) {
  describe(name, () => {
    for (const [written, wanted] of right)
      test(`${JSON.stringify(written)} is ${JSON.stringify(wanted)}`, () =>
        assert.deepEqual(read(written), wanted));
    for (const written of wrong)
      test(`${JSON.stringify(written) ?? 'undefined'} is refused`, () =>
        assert.equal(read(written), undefined));
  });
}

describe('properties of units', () => {
  const part = fc.integer({ min: 0, max: 500 });
  test('a duration is the sum of its parts', () => {
    fc.assert(
      fc.property(part, part, part, part, (h, m, s, ms) => {
        const wanted = h * 3_600_000 + m * 60_000 + s * 1000 + ms;
        assert.equal(readDuration(`${h}h${m}m${s}s${ms}ms`), wanted);
      }),
    );
  });
  test('a count reads back whatever whole number it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (value) => {
        assert.equal(readCount(String(value)), value);
        assert.equal(readCount(`${value / 1000}k`), value);
      }),
    );
  });
  test('a range holds its own bounds and nothing beyond them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (bound) => {
        assert.deepEqual(readRange(`> ${bound}`), { min: bound + 1 });
        assert.deepEqual(readRange(`< ${bound}`), { max: bound - 1 });
      }),
    );
  });
  test('nothing that may stand in a file makes a reader throw', () => {
    const anything = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.object());
    fc.assert(
      fc.property(anything, (value) => {
        for (const { read } of tables) read(value);
      }),
    );
  });
});

/** How people write amounts: durations, sizes, token counts, shares, ranges. Each says what would be right. */
import { z } from 'zod';
import type { Range } from '../router/contract.ts';

type Read<T> = (value: unknown) => T | undefined;

/** Largest unit first, each at most once. */
const durationPattern =
  '^(?=\\d)(\\d+(\\.\\d+)?d)?(\\d+(\\.\\d+)?h)?(\\d+(\\.\\d+)?m)?(\\d+(\\.\\d+)?s)?(\\d+(\\.\\d+)?ms)?$';
const durationForm = new RegExp(durationPattern);
const durationUnits = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** A timer set for longer fires at once: Node counts in 32 bits. */
const longestMs = 2_147_483_647;

/** `250ms`, `45m`, `1h30m`: milliseconds. At most 24 days. */
export const readDuration: Read<number> = (value) => {
  const total = readAge(value);
  return total !== undefined && total <= longestMs ? total : undefined;
};

/** Ten years: longer is for ever, and is written so by leaving it out. */
const oldestMs = 3650 * 86_400_000;

/** As `readDuration`, of what no timer waits for: how old a thing may become. */
export const readAge: Read<number> = (value) => {
  if (typeof value !== 'string' || !durationForm.test(value)) return undefined;
  let total = 0;
  for (const [, number = '', unit = ''] of value.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    total += Number.parseFloat(number) * (durationUnits.get(unit) ?? 0);
  }
  return total <= oldestMs ? Math.round(total) : undefined;
};

const scales = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
]);
const countPattern = '^\\d+(\\.\\d+)?[kMGT]?$';

/** `400k`, `1.5M`, `32000`: a whole number. */
export const readCount: Read<number> = (value) => {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)([kMGT]?)$/.exec(value) : null;
  if (match === null) return undefined;
  const exact = Number.parseFloat(match[1] ?? '') * (scales.get(match[2] ?? '') ?? 1);
  const whole = Math.round(exact);
  // 1.1k is not exactly 1100 in binary; 1.5 without a unit is no count at all.
  return Math.abs(exact - whole) < 1e-6 && Number.isSafeInteger(whole) ? whole : undefined;
};

/** `$20`, `$0.50`: micro-dollars. */
export const readMoney: Read<number> = (value) => {
  const match = typeof value === 'string' ? /^\$(\d{1,9}(?:\.\d{1,6})?)$/.exec(value) : null;
  return match === null ? undefined : Math.round(Number.parseFloat(match[1] ?? '') * 1e6);
};

/** `50%` or `0.5`: a share of 1. */
export const readShare: Read<number> = (value) => {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(%?)$/.exec(value) : null;
  const share = match === null ? value : Number.parseFloat(match[1] ?? '') / (match[2] === '%' ? 100 : 1);
  return typeof share === 'number' && share >= 0 && share <= 1 ? share : undefined;
};

/** `> 8k`, `>= 1k`, `< 200k`, `<= 4000`, `1k..8k`: inclusive bounds. */
export const readRange: Read<Range> = (value) => {
  if (typeof value !== 'string') return undefined;
  const between = /^(\S+?)\s*\.\.\s*(\S+)$/.exec(value);
  if (between !== null) {
    const [min, max] = [readCount(between[1]), readCount(between[2])];
    return min === undefined || max === undefined || min > max ? undefined : { min, max };
  }
  const match = /^(>=|<=|>|<)\s*(\S+)$/.exec(value);
  const bound = readCount(match?.[2]);
  if (match === null || bound === undefined) return undefined;
  switch (match[1]) {
    case '>':
      return { min: bound + 1 };
    case '>=':
      return { min: bound };
    case '<':
      return bound === 0 ? undefined : { max: bound - 1 };
    default:
      return { max: bound };
  }
};

/** `>= 0.6`, `< 40%`, `0.2..0.5`: inclusive bounds; no score is so exact that `>` differs from `>=`. */
export const readShareRange: Read<Range> = (value) => readBounds(value, readShare);

/** `>= 1h`, `< 30s`, `5m..2h`: milliseconds, inclusive bounds. */
export const readDurationRange: Read<Range> = (value) => readBounds(value, readDuration);

function readBounds(value: unknown, read: Read<number>): Range | undefined {
  if (typeof value !== 'string') return undefined;
  const between = /^(\S+?)\s*\.\.\s*(\S+)$/.exec(value);
  if (between !== null) {
    const [min, max] = [read(between[1]), read(between[2])];
    return min === undefined || max === undefined || min > max ? undefined : { min, max };
  }
  const match = /^([<>])=?\s*(\S+)$/.exec(value);
  const bound = match === null ? undefined : read(match[2]);
  if (bound === undefined) return undefined;
  return match?.[1] === '>' ? { min: bound } : { max: bound };
}

/** `params` carry the words; `issues.ts` makes the sentence, since only it knows how a value may be shown. */
function unit<T>(
  read: Read<T>,
  name: string | ((value: unknown) => string),
  fix: string,
  jsonSchema: object,
) {
  return z
    .unknown()
    .transform((value, context): T => {
      const amount = read(value);
      if (amount !== undefined) return amount;
      const what = typeof name === 'string' ? name : name(value);
      context.issues.push({
        code: 'custom',
        input: value,
        message: `not ${what}`,
        params: { not: what, fix },
      });
      return z.NEVER;
    })
    .meta({ ...jsonSchema });
}

export const duration = unit(
  readDuration,
  'a duration',
  'Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
  { title: 'duration', type: 'string', pattern: durationPattern },
);

/** A time that must pass: nothing can be done in none. */
export const someTime = unit(
  (value) => readDuration(value) || undefined,
  (value) => (readDuration(value) === 0 ? 'a time over zero' : 'a duration'),
  'Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
  { title: 'duration', type: 'string', pattern: durationPattern },
);
export const age = unit(
  (value) => readAge(value) || undefined,
  (value) => (readAge(value) === 0 ? 'a time over zero' : 'a duration'),
  'Write a number with d, h, m or s, such as 12h or 30d, of at most 3650d.',
  { title: 'duration', type: 'string', pattern: durationPattern },
);
export const ageOrOff = unit(
  (value) => (value === 'off' || value === false ? 0 : readAge(value) || undefined),
  'a duration, or off',
  'Write off, or a number with d, h, m or s, such as 12h or 7d, of at most 3650d.',
  { title: 'duration or off', type: ['string', 'boolean'], pattern: `^off$|${durationPattern}` },
);
export const count = unit(
  (value) => readCount(value) || undefined,
  'a count',
  'Write a whole number over zero, or one with k, M or G, such as 32000, 400k or 1.5M.',
  { title: 'count', type: ['integer', 'string'], pattern: countPattern, minimum: 1 },
);
export const size = unit(
  (value) => readCount(value) || undefined,
  'a size',
  'Write bytes, or a number with k, M or G, such as 512k or 32M.',
  { title: 'size', type: ['integer', 'string'], pattern: countPattern, minimum: 1 },
);
export const money = unit(readMoney, 'an amount of money', 'Write dollars, such as $20 or $0.50.', {
  title: 'money',
  type: 'string',
  pattern: '^\\$\\d{1,9}(\\.\\d{1,6})?$',
});
export const share = unit(
  readShare,
  'a share',
  'Write a percentage or a number from 0 to 1, such as 50% or 0.5.',
  {
    title: 'share',
    type: ['number', 'string'],
    pattern: '^\\d+(\\.\\d+)?%?$',
    minimum: 0,
    maximum: 1,
  },
);
export const range = unit(readRange, 'a range', 'Write a bound such as "> 8k" or "<= 200k", or "1k..8k".', {
  title: 'range',
  type: 'string',
  pattern:
    '^((>=|<=|>|<)\\s*\\d+(\\.\\d+)?[kMGT]?|\\d+(\\.\\d+)?[kMGT]?\\s*\\.\\.\\s*\\d+(\\.\\d+)?[kMGT]?)$',
});

export const shareRange = unit(
  readShareRange,
  'a range of shares',
  'Write a bound such as ">= 0.6" or "< 40%", or "0.2..0.5".',
  { title: 'range', type: 'string', pattern: '^([<>]=?\\s*[\\d.]+%?|[\\d.]+%?\\s*\\.\\.\\s*[\\d.]+%?)$' },
);
export const durationRange = unit(
  readDurationRange,
  'a range of times',
  'Write a bound such as ">= 1h" or "< 30s", or "5m..2h".',
  {
    title: 'range',
    type: 'string',
    pattern: '^([<>]=?\\s*[\\d.dhms]+|[\\d.dhms]+\\s*\\.\\.\\s*[\\d.dhms]+)$',
  },
);

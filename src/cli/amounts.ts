/** How amounts are written on the command line, read and printed. What cannot be read says what would be right. */
import { InvalidArgumentError } from 'commander';
import { readCount } from '../config/units.ts';
import type { KeyBudgets } from '../stores/contract.ts';

/** `300`, `400k`: a whole number over zero. */
export function parseCount(text: string): number {
  // What a shell hands over is text; a plain number is a count too.
  const count = readCount(text);
  if (count === undefined || count === 0) {
    throw new InvalidArgumentError(
      'Write a whole number over zero, or one with k or M, such as 300 or 400k.',
    );
  }
  return count;
}

/** As `parseCount`, of a rate that must not be larger than can be counted exactly. */
export const parseRate =
  (most: number) =>
  (text: string): number => {
    const count = parseCount(text);
    if (count > most) throw new InvalidArgumentError(`Write at most ${thousands(most)}, or leave it out.`);
    return count;
  };

const periods = new Map<string, keyof KeyBudgets>([
  ['day', 'dailyNanoUsd'],
  ['week', 'weeklyNanoUsd'],
  ['month', 'monthlyNanoUsd'],
]);

/** `20/day`, `$0.50/week`; one of each period. */
export function parseBudget(text: string, before: KeyBudgets): KeyBudgets {
  const match = /^\$?(\d{1,7}(?:\.\d{1,9})?)\/(day|week|month)$/.exec(text);
  const period = periods.get(match?.[2] ?? '');
  const nanoUsd = Math.round(Number.parseFloat(match?.[1] ?? '') * 1e9);
  if (period === undefined || nanoUsd === 0 || !Number.isSafeInteger(nanoUsd)) {
    throw new InvalidArgumentError('Write dollars over zero for a day, week or month, such as 20/day.');
  }
  if (before[period] !== undefined) {
    throw new InvalidArgumentError(
      `There is a budget for a ${match?.[2]} already. Give one for each period.`,
    );
  }
  return { ...before, [period]: nanoUsd };
}

const spanUnits = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 7 * 86_400_000],
]);

/** `90d`, `36h`: milliseconds. Longer than a timer can be, which durations of the config may not. */
export function parseSpan(text: string): number {
  const span = readSpan(text);
  if (span === undefined) {
    throw new InvalidArgumentError('Write a time over zero, such as 12h, 90d or 52w.');
  }
  return span;
}

/** `7d`: so long before now. `2026-11-01`: the midnight, in UTC, with which it begins. */
export function parseMoment(text: string, nowMs: number): number {
  const span = readSpan(text);
  if (span !== undefined) return nowMs - span;
  // A date that is not in the calendar would otherwise roll on into the next month.
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    const atMs = Date.parse(`${text}T00:00:00Z`);
    if (!Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(text)) return atMs;
  }
  if (/^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text))) {
    return Date.parse(text);
  }
  throw new InvalidArgumentError(
    'Write how long ago, such as 7d or 24h, a day such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z.',
  );
}

function readSpan(text: string): number | undefined {
  const match = /^(\d{1,5})([mhdw])$/.exec(text);
  return Number(match?.[1]) * (spanUnits.get(match?.[2] ?? '') ?? 0) || undefined;
}

/** `a,b`: names between commas. */
export function parseList(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes(''))
    throw new InvalidArgumentError('Write names with commas between them, such as a,b.');
  return names;
}

/** As many digits as say something: a day of a busy route costs dollars, a call a thousandth of a cent. */
export function dollars(nanoUsd: number): string {
  const usd = Math.abs(nanoUsd) / 1e9;
  if (usd > 0 && usd < 1e-6) return nanoUsd < 0 ? '>-$0.000001' : '<$0.000001';
  const digits = usd === 0 || usd >= 100 ? 2 : usd >= 0.01 ? 4 : 6;
  return `${nanoUsd < 0 ? '-' : ''}$${thousands(usd.toFixed(digits))}`;
}

/** `1,234,567`; a fraction stays as it is. */
export function thousands(number: number | string): string {
  const [whole = '', fraction] = String(number).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

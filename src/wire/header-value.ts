/**
 * Numbers, durations and times as response headers write them, read character by character: a dozen of them come with every answer, and a
 * regular expression or `Date.parse` for each would cost more than all else that is done with them. What cannot be read is `undefined`.
 */

const zero = 48;
const dot = 46;
/** Longer than any number or duration a server has reason to send; it bounds the loops. */
const longest = 40;

/** A decimal without a sign: `10000`, `6.5`. Limits of -1 mean "unknown" where they occur, and so do `10, 10` and nothing. */
export function readNumber(text: string | undefined): number | undefined {
  if (text === undefined || text.length === 0 || text.length > longest) return undefined;
  const end = numberEnd(text, 0);
  return end === text.length ? numberIn(text, 0, end) : undefined;
}

/** `1m2.5s`, `132ms`, `0s`, `34.07s`: Go and protobuf durations, in milliseconds. */
export function readDuration(text: string): number | undefined {
  if (text.length < 2 || text.length > longest) return undefined;
  let total = 0;
  for (let at = 0; at < text.length; ) {
    const end = numberEnd(text, at);
    const next = unitEnd(text, end);
    const factor = unitMs(text, end, next);
    if (end === at || factor === 0) return undefined;
    total += numberIn(text, at, end) * factor;
    at = next;
  }
  return total;
}

/** `2026-11-20T12:00:00Z` as milliseconds since 1970. */
export function readTimestamp(text: string | undefined): number | undefined {
  if (text === undefined || text.length < 20 || text.length > longest) return undefined;
  if (text.length !== 20 || text.charCodeAt(19) !== 90) return parseTime(text);
  const time = Date.UTC(
    two(text, 0) * 100 + two(text, 2),
    two(text, 5) - 1,
    two(text, 8),
    two(text, 11),
    two(text, 14),
    two(text, 17),
  );
  return Number.isNaN(time) ? undefined : time;
}

const months = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** `Fri, 20 Nov 2026 12:00:00 GMT`, the form that RFC 9110 has servers send. */
export function readHttpDate(text: string | undefined): number | undefined {
  if (text === undefined || text.length < 20 || text.length > longest) return undefined;
  if (text.length !== 29 || text.charCodeAt(3) !== 44) return parseTime(text);
  const month = months.indexOf(text.slice(8, 11)) / 3;
  const time = Date.UTC(
    two(text, 12) * 100 + two(text, 14),
    Number.isInteger(month) && month >= 0 ? month : Number.NaN,
    two(text, 5),
    two(text, 17),
    two(text, 20),
    two(text, 23),
  );
  return Number.isNaN(time) ? undefined : time;
}

/** The rarer forms, with fractions or an offset. What `Date.parse` makes of a bare number is a year, so there must be a colon. */
function parseTime(text: string): number | undefined {
  const time = text.includes(':') ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Two digits, or NaN, which makes NaN of the whole. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - zero;
  const ones = text.charCodeAt(at + 1) - zero;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Where a number that begins at `at` ends; `at` itself where none begins, or where it begins or ends with its point. */
function numberEnd(text: string, at: number): number {
  let points = 0;
  let end = at;
  for (; end < text.length; end++) {
    const character = text.charCodeAt(end);
    if (character === dot && end > at && points === 0) points = 1;
    else if (character < zero || character > zero + 9) break;
  }
  return end > at && text.charCodeAt(end - 1) === dot ? at : end;
}

/** One division at the end, so that 34.07 is the same number as in source text. */
function numberIn(text: string, at: number, end: number): number {
  let digits = 0;
  let scale = 1;
  let behindPoint = false;
  for (let index = at; index < end; index++) {
    const character = text.charCodeAt(index);
    if (character === dot) behindPoint = true;
    else {
      digits = digits * 10 + (character - zero);
      if (behindPoint) scale *= 10;
    }
  }
  return digits / scale;
}

function unitEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && text.charCodeAt(end) > zero + 9) end++;
  return end;
}

/** 0 for what is no unit. */
function unitMs(text: string, at: number, end: number): number {
  const first = text.charCodeAt(at);
  if (end === at + 1) {
    if (first === 115) return 1000; // s
    if (first === 109) return 60_000; // m
    if (first === 104) return 3_600_000; // h
    return first === 100 ? 86_400_000 : 0; // d
  }
  if (end !== at + 2 || text.charCodeAt(at + 1) !== 115) return 0;
  if (first === 109) return 1; // ms
  if (first === 110) return 1e-6; // ns
  // us, and both letters that look like a Greek m.
  return first === 117 || first === 0xb5 || first === 0x3bc ? 1e-3 : 0;
}

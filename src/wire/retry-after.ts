/**
 * How long a server asks us to wait: `retry-after-ms`, `retry-after` (seconds or an HTTP date, RFC 9110 10.2.3), Google's
 * RetryInfo and, last, the words of the message. A value that is zero, negative or unreadable is no hint:
 * Azure sends `retry-after-ms: 0` beside `retry-after: 1`.
 */

import { readDuration } from './header-value.ts';

export type HeaderReader = Readonly<Record<string, string | undefined>>;

/** Milliseconds, or `undefined` where the headers give no usable hint. `nowMs` serves only where there is no `date` header. */
export function retryAfterMs(headers: HeaderReader, nowMs: number): number | undefined {
  const exact = positive(Number.parseFloat(headers['retry-after-ms'] ?? ''));
  if (exact !== undefined) return exact;
  const text = headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return positive(Number.parseFloat(text) * 1000);
  // HTTP dates begin with a weekday; what Date.parse makes of "-1" is a year.
  if (!/^[A-Za-z]{3}/.test(text)) return undefined;
  const until = Date.parse(text);
  const served = Date.parse(headers['date'] ?? '');
  return positive(until - (Number.isNaN(served) ? nowMs : served));
}

/** `1m2.5s`, `132ms`, `34.07s`: Go and protobuf durations. `undefined` if it is not one, or is none. */
export function durationMs(text: string): number | undefined {
  return positive(readDuration(text.trim()) ?? 0);
}

const waitWords =
  /(?:try again in|retry after|retry in)\s+(?:((?:\d+(?:\.\d+)?(?:ms|[smhd]))+)(?![a-z\d])|(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|seconds?|m|minutes?|h|hours?|d|days?)\b)/i;

/** "Please try again in 1.2s", "in 2m59.56s", "Please retry after 7 seconds": the last resort. */
export function retryAfterInText(message: string): number | undefined {
  const match = waitWords.exec(message);
  if (match === null) return undefined;
  const [, duration, number = '', word = ''] = match;
  if (duration !== undefined) return durationMs(duration.toLowerCase());
  const unit = word.toLowerCase();
  return durationMs(number + (unit === 'ms' || unit.startsWith('milli') ? 'ms' : unit.charAt(0)));
}

function positive(value: number): number | undefined {
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/**
 * `x-ratelimit-*` headers, as OpenAI began them and others copied them: limit, remaining and time until full, of requests and of tokens.
 * Servers differ in the ends of the names, in what a reset without a unit counts, and in the period; a provider's `limits.ts` says how.
 * Sources: recorded answers of 2025 and 2026, and the providers' pages on rate limits, November 2026.
 */
import type { LimitReport, LimitState } from '../../../core/limit-report.ts';
import { readDuration, readNumber } from '../../../wire/header-value.ts';
import type { ResponseHeaders } from '../../contract.ts';

export const minuteMs = 60_000;
export const dayMs = 86_400_000;
/** No provider has a limit over more than a month; a longer reset is a moment in time, or nonsense. */
const longestResetMs = 31 * dayMs;

export interface LimitTraits {
  /** How the names of the headers end: `x-ratelimit-limit-requests`. */
  readonly requests: string;
  readonly tokens: string;
  /** A second bucket of tokens that may be the tighter one. */
  readonly moreTokens?: string;
  readonly requestsPeriodMs: number;
  readonly tokensPeriodMs: number;
  /** `x-ratelimit-renewalperiod-*` says the period, in seconds. */
  readonly tellsPeriod: boolean;
  /** What a reset without a unit counts. `mixed`: seconds on one API version, milliseconds on another. */
  readonly bareReset: 'seconds' | 'mixed';
  /** Buckets refill evenly, so that the reset tells the period: some accounts' requests are counted by the day, under the same names. */
  readonly evenRefill: boolean;
}

/** What any server that copied OpenAI's headers may be taken to mean. */
export const plainLimits: LimitTraits = {
  requests: 'requests',
  tokens: 'tokens',
  requestsPeriodMs: minuteMs,
  tokensPeriodMs: minuteMs,
  tellsPeriod: false,
  bareReset: 'seconds',
  evenRefill: false,
};

export type LimitReader = (headers: ResponseHeaders) => LimitReport | undefined;

export function createLimitReader(traits: LimitTraits = plainLimits): LimitReader {
  const requestsBucket = bucketOf(traits, traits.requests, traits.requestsPeriodMs);
  const tokensBucket = bucketOf(traits, traits.tokens, traits.tokensPeriodMs);
  const moreBucket =
    traits.moreTokens === undefined ? undefined : bucketOf(traits, traits.moreTokens, traits.tokensPeriodMs);
  return (headers) => {
    const requests = readBucket(headers, requestsBucket);
    let tokens = readBucket(headers, tokensBucket);
    if (moreBucket !== undefined) tokens = tighter(tokens, readBucket(headers, moreBucket));
    // Spreads of optional members would cost as much as all the parsing.
    if (requests === undefined) return tokens === undefined ? undefined : { tokens };
    return tokens === undefined ? { requests } : { requests, tokens };
  };
}

interface Bucket {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
  readonly period: string | undefined;
  readonly periodMs: number;
  readonly bareReset: LimitTraits['bareReset'];
  readonly evenRefill: boolean;
}

function bucketOf(traits: LimitTraits, ending: string, periodMs: number): Bucket {
  return {
    limit: `x-ratelimit-limit-${ending}`,
    remaining: `x-ratelimit-remaining-${ending}`,
    reset: `x-ratelimit-reset-${ending}`,
    period: traits.tellsPeriod ? `x-ratelimit-renewalperiod-${ending}` : undefined,
    periodMs,
    bareReset: traits.bareReset,
    evenRefill: traits.evenRefill,
  };
}

function readBucket(headers: ResponseHeaders, bucket: Bucket): LimitState | undefined {
  const limit = readNumber(headers[bucket.limit]);
  const remaining = readNumber(headers[bucket.remaining]);
  // When something is full again says nothing while nobody knows what.
  if (limit === undefined && remaining === undefined) return undefined;
  const told = bucket.period === undefined ? undefined : readNumber(headers[bucket.period]);
  let periodMs = told === undefined || told === 0 ? bucket.periodMs : told * 1000;
  const used = limit === undefined || remaining === undefined ? 0 : limit - remaining;
  const text = headers[bucket.reset];
  const reset = text === undefined ? undefined : readDuration(text);
  const resetMs =
    reset ?? bareResetMs(readNumber(text), (used / (limit ?? 1)) * periodMs, periodMs, bucket.bareReset);
  if (bucket.evenRefill && limit !== undefined && resetMs !== undefined && isByDay(limit, used, resetMs))
    periodMs = dayMs;
  const state: { limit?: number; remaining?: number; resetMs?: number; periodMs: number } = { periodMs };
  if (limit !== undefined) state.limit = limit;
  if (remaining !== undefined) state.remaining = remaining;
  if (resetMs !== undefined && resetMs <= longestResetMs) state.resetMs = resetMs;
  return state;
}

/**
 * Azure documents seconds, and its older API versions send milliseconds: `limit 120, remaining 119, reset 500, renewalperiod 60` and
 * `120000, 119986, 7` (recorded with API version 2024-02-01) are what an evenly refilled bucket needs, in milliseconds. So milliseconds are believed where they fit
 * exactly, or where seconds would outlast the period. Seconds taken for milliseconds cost a refusal; the other way about, a wait a
 * thousand times too long.
 */
function bareResetMs(
  value: number | undefined,
  refillMs: number,
  periodMs: number,
  unit: LimitTraits['bareReset'],
): number | undefined {
  if (value === undefined || unit === 'seconds') return value === undefined ? undefined : value * 1000;
  const inMs = value * 1000 > periodMs || (value > 0 && Math.abs(value - refillMs) <= 1);
  return inMs ? value : value * 1000;
}

/**
 * One of 10,000 requests a day refills in 8.64 s, of 10,000 a minute in 6 ms; both were recorded under the same names in 2025. Earlier requests still
 * refilling make the ratio fall below a day, never rise above it. A day's limit taken for a minute's would be spent in minutes.
 */
function isByDay(limit: number, used: number, resetMs: number): boolean {
  if (used <= 0) return false;
  const fullMs = (resetMs * limit) / used;
  return fullMs > 0.5 * dayMs && fullMs < 1.25 * dayMs;
}

/** Of two buckets that both must have room, the one with less. */
function tighter(one: LimitState | undefined, other: LimitState | undefined): LimitState | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return (other.remaining ?? Number.POSITIVE_INFINITY) < (one.remaining ?? Number.POSITIVE_INFINITY)
    ? other
    : one;
}

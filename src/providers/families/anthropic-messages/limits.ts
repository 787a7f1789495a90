/**
 * `anthropic-ratelimit-*` headers: four buckets, per minute, with the moment at which each is full again. Sources: recorded answers of 2025 and 2026,
 * Anthropic's page on rate limits, November 2026. The `-priority-` and `-fast-` headers are left out: they tell of capacity bought for some
 * requests, and say nothing about the next ordinary one.
 */
import type { LimitReport, LimitState } from '../../../core/limit-report.ts';
import { readHttpDate, readNumber, readTimestamp } from '../../../wire/header-value.ts';
import type { ResponseHeaders } from '../../contract.ts';

const periodMs = 60_000;
/** A moment further off than any limit's period says that a clock is wrong, not that we must wait. */
const longestResetMs = 86_400_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `now` serves only where an answer has no `date`: the reset is on the server's clock, and ours may be off. */
export function createAnthropicLimitReader(now: () => number) {
  return (headers: ResponseHeaders): LimitReport | undefined => {
    const requests = readBucket(headers, buckets.requests);
    const tokens = readBucket(headers, buckets.tokens);
    const inputTokens = readBucket(headers, buckets.inputTokens);
    const outputTokens = readBucket(headers, buckets.outputTokens);
    if (!(requests ?? tokens ?? inputTokens ?? outputTokens)) return undefined;
    const served = readHttpDate(headers['date']) ?? now();
    const report: Mutable<LimitReport> = {};
    if (requests !== undefined)
      report.requests = withReset(requests, headers[buckets.requests.reset], served);
    if (tokens !== undefined) report.tokens = withReset(tokens, headers[buckets.tokens.reset], served);
    if (inputTokens !== undefined)
      report.inputTokens = withReset(inputTokens, headers[buckets.inputTokens.reset], served);
    if (outputTokens !== undefined)
      report.outputTokens = withReset(outputTokens, headers[buckets.outputTokens.reset], served);
    return report;
  };
}

interface Bucket {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

function bucketOf(name: string): Bucket {
  const start = `anthropic-ratelimit-${name}`;
  return { limit: `${start}-limit`, remaining: `${start}-remaining`, reset: `${start}-reset` };
}

const buckets = {
  requests: bucketOf('requests'),
  tokens: bucketOf('tokens'),
  inputTokens: bucketOf('input-tokens'),
  outputTokens: bucketOf('output-tokens'),
};

function readBucket(headers: ResponseHeaders, bucket: Bucket): Mutable<LimitState> | undefined {
  const limit = readNumber(headers[bucket.limit]);
  const remaining = readNumber(headers[bucket.remaining]);
  if (limit === undefined && remaining === undefined) return undefined;
  const state: Mutable<LimitState> = { periodMs };
  if (limit !== undefined) state.limit = limit;
  if (remaining !== undefined) state.remaining = remaining;
  return state;
}

/** Both clocks tick in whole seconds, so that a bucket may seem full a moment ago: that is full. */
function withReset(state: Mutable<LimitState>, reset: string | undefined, servedMs: number): LimitState {
  const fullAt = readTimestamp(reset);
  if (fullAt === undefined) return state;
  const resetMs = Math.max(0, fullAt - servedMs);
  if (resetMs <= longestResetMs) state.resetMs = resetMs;
  return state;
}

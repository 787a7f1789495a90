/** What the body of a refusal by a rate limit says: wait, wait long, pay, or never. Texts recorded or quoted in public threads, 2024 to 2026. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode, Retry } from '../../../core/errors.ts';
import { readChatError, readChatErrorInside } from './errors.ts';

interface Case {
  readonly name: string;
  readonly status?: number;
  readonly message: string;
  readonly type?: string;
  readonly code?: string;
  readonly is: ErrorCode;
  readonly retry: Retry;
  readonly wait?: number;
}

const limited = { type: 'tokens', code: 'rate_limit_exceeded' };

const cases: readonly Case[] = [
  {
    name: 'tokens of a minute, used by others',
    message:
      'Rate limit reached for gpt-4 in organization org-x on tokens per min (TPM): Limit 200000, Used 199000, Requested 5000. Please try again in 1.2s. Visit the page to learn more.',
    ...limited,
    is: 'rate_limited',
    retry: 'later',
    wait: 1200,
  },
  {
    name: 'requests of a minute',
    message:
      'Rate limit reached for gpt-4o on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.',
    type: 'requests',
    code: 'rate_limit_exceeded',
    is: 'rate_limited',
    retry: 'later',
    wait: 20_000,
  },
  {
    name: 'requests of a day, which come back one by one',
    message:
      'Rate limit reached for gpt-4o on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.',
    type: 'requests',
    code: 'rate_limit_exceeded',
    is: 'rate_limited',
    retry: 'later',
    wait: 432_000,
  },
  {
    name: 'Groq’s tokens of a day',
    message:
      'Rate limit reached for model `llama` on tokens per day (TPD): Limit 500000, Used 499500, Requested 1200. Please try again in 2m0.96s.',
    ...limited,
    is: 'rate_limited',
    retry: 'later',
    wait: 120_960,
  },
  {
    name: 'one request over the minute’s whole limit',
    message:
      'Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 45000. The input or output tokens must be reduced in order to run successfully.',
    ...limited,
    is: 'request_too_large',
    retry: 'other',
  },
  {
    name: 'the same without those words, and with a wait that cannot help',
    message:
      'Rate limit reached on tokens per min (TPM): Limit: 30,000, Used: 0, Requested: 45,000. Please try again in 30s.',
    ...limited,
    is: 'request_too_large',
    retry: 'other',
  },
  {
    name: 'Groq’s own status for it',
    status: 413,
    message:
      'Request too large for model `llama` in organization `org_x` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again.',
    ...limited,
    is: 'request_too_large',
    retry: 'other',
  },
  {
    name: 'an account out of money',
    message: 'You exceeded your current quota, please check your plan and billing details.',
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    is: 'quota_exhausted',
    retry: 'other',
  },
  {
    name: 'Azure, in words',
    message:
      'Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded token rate limit of your current pricing tier. Please retry after 7 seconds.',
    code: '429',
    is: 'rate_limited',
    retry: 'later',
    wait: 7000,
  },
  {
    name: 'a limit without numbers',
    message: 'Over the limit, please slow down; you requested 5.',
    is: 'rate_limited',
    retry: 'later',
  },
];

describe('a refusal by a rate limit', () => {
  for (const { name, status = 429, message, type, code, is, retry, wait } of cases) {
    const body = { error: { message, type, code, param: null } };

    test(`${name}: ${is}`, () => {
      const error = readChatError([], { status, headers: {}, body: JSON.stringify(body) }, 0);
      assert.deepEqual([error.code, error.retry, error.retryAfterMs], [is, retry, wait]);
    });

    if (code === 'rate_limit_exceeded')
      test(`${name}, inside a stream: ${is}`, () => {
        const error = readChatErrorInside([], body);
        assert.deepEqual([error.code, error.retry, error.retryAfterMs], [is, retry, wait]);
      });
  }

  test('without words the empty bucket says when', () => {
    const headers = { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m4.5s' };
    assert.equal(readChatError([], { status: 429, headers, body: '' }, 0).retryAfterMs, 64_500);
  });

  test('a wait is not read from a refusal that is none of a limit', () => {
    const body = JSON.stringify({ error: { message: 'Your text says: try again in 5s.' } });
    assert.equal(readChatError([], { status: 400, headers: {}, body }, 0).retryAfterMs, undefined);
  });
});

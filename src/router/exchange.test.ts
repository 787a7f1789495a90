import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeClock } from '../../test/support/clock.ts';
import {
  call,
  meter,
  model,
  scriptedUpstream,
  target,
  endpoint as words,
} from '../../test/support/router.ts';
import { type ErrorCode, GatewayError } from '../core/errors.ts';
import type { LimitReport } from '../core/limit-report.ts';
import { MemoryLimits } from '../limits/memory/limits.ts';
import type { ChatEndpoint } from '../providers/contract.ts';
import { startExchange } from './exchange.ts';
import { Learning } from './learning.ts';

const rpm = meter('rpm', 100);

/** What is left of the limit after one refusal. */
function leftAfter(status: number, code: ErrorCode, report?: LimitReport): number {
  const clock = createFakeClock();
  const limits = new MemoryLimits({ clock });
  const upstream = scriptedUpstream();
  const endpoint: ChatEndpoint = {
    ...words(model()),
    readError: () => new GatewayError(code, 'refused', { upstream: { status } }),
    readLimits: () => report,
  };
  const one = target('a/1', { limits: { meters: [rpm], places: [] } });
  const prepared = call().prepare(endpoint, false);
  let failure: GatewayError | undefined;
  startExchange(
    { upstream, clock, learning: new Learning(limits) },
    { call: call(), target: one, endpoint, prepared, stream: false, remainingMs: 60_000 },
    {
      onHead() {},
      onData() {},
      onEnd() {},
      onFailure(error) {
        failure = error;
      },
    },
  );
  const receiver = upstream.sent[0]?.receiver;
  receiver?.onHead(status, {});
  receiver?.onData(Buffer.from('{}'));
  receiver?.onEnd();
  assert.equal(failure?.code, code);
  return limits.level(rpm.bucket);
}

describe('what a refusal teaches our limits', () => {
  const minute = 60_000;
  const told: LimitReport = { requests: { limit: 100, remaining: 40, periodMs: minute } };

  test('a throttle without a word on what is left: nothing is', () => {
    assert.equal(leftAfter(429, 'rate_limited'), 0);
  });

  test('a 429 for want of room, or of money, says nothing of limits', () => {
    assert.equal(leftAfter(429, 'upstream_overloaded'), 100);
    assert.equal(leftAfter(429, 'quota_exhausted'), 100);
  });

  test('what is told beside it counts, whatever it was', () => {
    assert.equal(leftAfter(429, 'rate_limited', told), 40);
    assert.equal(leftAfter(500, 'upstream_fault', told), 40);
  });

  test('an overload in other words takes nothing', () => {
    assert.equal(leftAfter(503, 'rate_limited'), 100);
  });
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../../test/support/clock.ts';
import { breaker, call, fakeSink, openPass, route, target } from '../../../test/support/router.ts';
import { type ErrorCode, GatewayError } from '../../core/errors.ts';
import type { Outcome } from '../attempt.ts';
import type { Target } from '../chain/contract.ts';
import { createHealth, type Health } from '../health.ts';
import { Line } from '../line.ts';
import type { WalkResult } from '../progress.ts';
import { walk } from '../walk.ts';
import type { Arm, Canary } from './contract.ts';
import type { Sample } from './figures.ts';
import { sampleOf } from './sample.ts';

const served: Outcome = { kind: 'served', usage: { inputTokens: 10, outputTokens: 10 } };
const error = (code: ErrorCode): Outcome => ({
  kind: 'failed',
  error: new GatewayError(code, code, { upstream: { status: 500 } }),
});
const price = { tiers: [{ aboveInputTokens: 0, rates: { input: 100, output: 100 } }] } as const;
const [fresh, second, old] = ['new/1', 'new/2', 'old/1'].map((name) => target(name, { price }));

describe('a request of a route with a canary', () => {
  let clock: FakeClock;
  let health: Health;
  beforeEach(() => {
    clock = createFakeClock();
    health = createHealth(clock, () => breaker);
  });
  afterEach(() => assert.equal(clock.pending(), 0, 'a timer was left behind'));

  async function run(arm: Arm, script: Readonly<Record<string, Outcome>>, chain = [fresh]) {
    const steps = (targets: readonly (Target | undefined)[]) =>
      targets.flatMap((one) => (one === undefined ? [] : [{ options: [{ target: one, weight: 1 }] }]));
    const canary: Canary = {
      id: 'one',
      chain: steps(chain),
      by: 'key',
      phases: [{ share: 0.5, forMs: 1 }],
      gates: { least: 1, windowMs: 1_000 },
    };
    const way = route([], { chain: steps([old]), canary, retry: { ...route([]).retry, rounds: 1 } });
    let sample: Sample | undefined;
    const world = {
      clock,
      random: () => 0.5,
      health,
      line: new Line(clock),
      sight: { view: health.view, arm: () => arm },
      observe: () => {},
      ended: (_call: unknown, result: WalkResult) => {
        sample = sampleOf(result);
      },
    };
    const asked: string[] = [];
    const result = await walk(
      world,
      call(),
      way,
      fakeSink(),
      openPass(clock, call(), way),
      async ({ name }) => {
        asked.push(name);
        await clock.advance(100);
        return script[name] ?? served;
      },
    );
    return { result, asked, sample };
  }

  const fine = { failed: false, durationMs: 100, costNanoUsd: 2_000 };
  for (const [what, arm, script, asked, sample] of [
    ['is served by the canary', 'canary', {}, ['new/1'], { arm: 'canary', ...fine }],
    ['is served by the usual chain', 'usual', {}, ['old/1'], { arm: 'usual', ...fine }],
    [
      'fails over to the usual chain',
      'canary',
      { 'new/1': error('upstream_fault') },
      ['new/1', 'old/1'],
      { arm: 'canary', failed: true },
    ],
    [
      'is throttled by the canary',
      'canary',
      { 'new/1': error('rate_limited') },
      ['new/1', 'old/1'],
      { arm: 'canary', failed: true },
    ],
    [
      'is refused by the canary alone',
      'canary',
      { 'new/1': error('invalid_request') },
      ['new/1', 'old/1'],
      { arm: 'canary', failed: true },
    ],
    [
      'is refused by both',
      'canary',
      { 'new/1': error('invalid_request'), 'old/1': error('invalid_request') },
      ['new/1', 'old/1'],
      undefined,
    ],
    ['is refused by the usual chain', 'usual', { 'old/1': error('invalid_request') }, ['old/1'], undefined],
    [
      'is filtered by the canary',
      'canary',
      { 'new/1': error('content_blocked') },
      ['new/1'],
      { arm: 'canary', failed: true },
    ],
    [
      'fails everywhere',
      'usual',
      { 'old/1': error('upstream_fault') },
      ['old/1'],
      { arm: 'usual', failed: true },
    ],
    [
      'is cut',
      'canary',
      { 'new/1': { kind: 'cut', error: new GatewayError('upstream_truncated', 'cut'), usage: undefined } },
      ['new/1'],
      { arm: 'canary', failed: true },
    ],
    [
      'is left by its caller',
      'canary',
      { 'new/1': { kind: 'client-closed' } },
      ['new/1'],
      { arm: 'canary', durationMs: 100 },
    ],
    [
      'is served for nobody knows how much',
      'canary',
      { 'new/1': { kind: 'served', usage: undefined } },
      ['new/1'],
      { arm: 'canary', failed: false, durationMs: 100 },
    ],
  ] as const)
    test(`that ${what}`, async () => {
      const ran = await run(arm, script);
      assert.deepEqual(ran.asked, asked);
      assert.deepEqual(ran.sample, sample);
    });

  test('that the canary’s second target serves has failed all the same', async () => {
    const { sample } = await run('canary', { 'new/1': error('upstream_fault') }, [fresh, second]);
    assert.deepEqual(sample, { arm: 'canary', failed: true });
  });

  test('whose canary’s breaker is open has failed', async () => {
    for (let times = 0; times < 3; times++) health.failed('new/1');
    const { asked, sample } = await run('canary', {});
    assert.deepEqual(asked, ['old/1']);
    assert.deepEqual(sample, { arm: 'canary', failed: true });
  });

  test('that the canary cannot carry says nothing', async () => {
    const { chat: _, ...deaf } = target('deaf/1');
    const { asked, sample } = await run('canary', {}, [deaf]);
    assert.deepEqual(asked, ['old/1']);
    assert.equal(sample, undefined);
  });
});

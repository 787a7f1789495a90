import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { createFakeClock, type FakeClock, settle } from '../../test/support/clock.ts';
import {
  breaker,
  call,
  fakeSink,
  gateWorld,
  meter,
  model,
  openPass,
  policy,
  route,
  target,
} from '../../test/support/router.ts';
import { type ErrorCode, type ErrorOptions, GatewayError } from '../core/errors.ts';
import { MemoryLimits } from '../limits/memory/limits.ts';
import type { Outcome } from './attempt.ts';
import type { AttemptRecord, Route } from './contract.ts';
import { Pass } from './gate.ts';
import { createHealth, type Health } from './health.ts';
import { Line } from './line.ts';
import type { WalkResult } from './progress.ts';
import { walk } from './walk.ts';

const served: Outcome = { kind: 'served', usage: { inputTokens: 1 } };
const error = (code: ErrorCode, options: ErrorOptions = {}): Outcome => ({
  kind: 'failed',
  error: new GatewayError(code, code, { upstream: { status: 500 }, ...options }),
});

describe('walking a chain', () => {
  let clock: FakeClock;
  let health: Health;
  let asked: string[];
  let observed: AttemptRecord[];

  beforeEach(() => {
    clock = createFakeClock();
    health = createHealth(clock, () => breaker);
    asked = [];
    observed = [];
  });
  afterEach(() => assert.equal(clock.pending(), 0, 'a timer was left behind'));

  /** Plays `script`: for each target its outcomes in turn, the last one for good. */
  function run(
    script: Readonly<Record<string, readonly Outcome[]>>,
    overrides: Partial<Route> = {},
    sink = fakeSink(),
    models: Record<string, number> = {},
  ) {
    const counts = new Map<string, number>();
    const targets = Object.keys(script).map((name) => {
      const contextTokens = models[name];
      return target(name, contextTokens === undefined ? {} : { model: model({ contextTokens }) });
    });
    const world = {
      clock,
      random: () => 0.5,
      health,
      line: new Line(clock),
      observe: (_call: unknown, _route: unknown, _target: unknown, record: AttemptRecord) =>
        observed.push(record),
    };
    const way = route(targets, overrides);
    return walk(world, call(), way, sink, openPass(clock, call(), way), async ({ name }) => {
      asked.push(name);
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      const outcomes = script[name] ?? [];
      return outcomes[Math.min(count, outcomes.length - 1)] ?? served;
    });
  }

  async function finish(walking: Promise<WalkResult>, ms = 200_000): Promise<WalkResult> {
    let result: WalkResult | undefined;
    void walking.then((value) => {
      result = value;
    });
    for (let at = 0; at < ms && result === undefined; at += 100) await clock.advance(100);
    assert.ok(result, 'the walk did not end');
    return result;
  }

  const codeOf = (result: WalkResult): string => (result.kind === 'failed' ? result.error.code : result.kind);

  test('the first target that answers ends it', async () => {
    assert.equal((await run({ 'a/1': [served], 'b/1': [served] })).kind, 'served');
    assert.deepEqual(asked, ['a/1']);
  });

  for (const code of [
    'upstream_fault',
    'upstream_unreachable',
    'upstream_timeout',
    'upstream_overloaded',
    'upstream_malformed',
    'upstream_truncated',
    'rate_limited',
    'quota_exhausted',
    'upstream_auth',
  ] as const) {
    test(`${code} moves on at once`, async () => {
      const before = clock.now();
      assert.equal((await run({ 'a/1': [error(code)], 'b/1': [served] })).kind, 'served');
      assert.deepEqual(asked, ['a/1', 'b/1']);
      assert.equal(clock.now(), before);
      assert.deepEqual(
        observed.map(({ outcome }) => outcome),
        ['failed', 'served'],
      );
    });
  }

  for (const code of [
    'invalid_request',
    'model_not_found',
    'request_too_large',
    'content_blocked',
  ] as const) {
    test(`${code} is the caller’s own and burns nothing`, async () => {
      assert.equal(codeOf(await run({ 'a/1': [error(code)], 'b/1': [served] })), code);
      assert.deepEqual(asked, ['a/1']);
      assert.equal(health.view('a/1').standing, 'ready');
    });
  }

  test('a fallback that refuses the shape is skipped, and the first error is not hidden', async () => {
    const result = await finish(
      run({ 'a/1': [error('upstream_overloaded')], 'b/1': [error('invalid_request')], 'c/1': [served] }),
    );
    assert.equal(result.kind, 'served');
    assert.deepEqual(asked, ['a/1', 'b/1', 'c/1']);
    asked.length = 0;
    const failed = await finish(
      run(
        { 'd/1': [error('upstream_overloaded')], 'e/1': [error('invalid_request')] },
        { retry: { ...route([]).retry, rounds: 1 } },
      ),
    );
    assert.equal(codeOf(failed), 'upstream_overloaded');
  });

  test('a content filter is routed around only where the route says so', async () => {
    assert.equal(
      (await run({ 'a/1': [error('content_blocked')], 'b/1': [served] }, { onContentFilter: 'next' })).kind,
      'served',
    );
    asked.length = 0;
    // Also from a fallback the filter’s refusal ends the walk.
    assert.equal(
      codeOf(
        await run({ 'c/1': [error('upstream_fault')], 'd/1': [error('content_blocked')], 'e/1': [served] }),
      ),
      'content_blocked',
    );
  });

  test('too long a context goes only to a larger window', async () => {
    const script = { 'a/1': [error('context_too_long')], 'same/1': [served], 'large/1': [served] };
    assert.equal(
      (await run(script, {}, fakeSink(), { 'a/1': 1000, 'same/1': 1000, 'large/1': 9000 })).kind,
      'served',
    );
    assert.deepEqual(asked, ['a/1', 'large/1']);
    asked.length = 0;
    const alone = await finish(
      run({ 'b/1': [error('context_too_long')], 'c/1': [served] }, {}, fakeSink(), {
        'b/1': 9000,
        'c/1': 1000,
      }),
    );
    assert.equal(codeOf(alone), 'context_too_long');
    assert.deepEqual(asked, ['b/1']);
  });

  test('what a target cannot carry is tried elsewhere', async () => {
    const unsent: Outcome = { kind: 'failed', error: new GatewayError('unsupported', 'no') };
    assert.equal((await run({ 'a/1': [unsent], 'b/1': [served] })).kind, 'served');
  });

  test('a lone target is asked again after a jittered wait', async () => {
    const before = clock.now();
    assert.equal((await finish(run({ 'a/1': [error('upstream_fault'), served] }))).kind, 'served');
    assert.deepEqual(asked, ['a/1', 'a/1']);
    assert.ok(clock.now() - before >= 100);
  });

  test('gives up after its rounds', async () => {
    assert.equal(
      codeOf(
        await finish(run({ 'a/1': [error('upstream_fault')] }, { retry: { ...route([]).retry, rounds: 2 } })),
      ),
      'upstream_fault',
    );
    assert.deepEqual(asked, ['a/1', 'a/1']);
  });

  test('tries the same target on the spot where the route says so', async () => {
    const walking = run(
      { 'a/1': [error('upstream_fault'), served], 'b/1': [served] },
      { retry: { ...route([]).retry, sameTarget: 1 } },
    );
    assert.equal((await finish(walking)).kind, 'served');
    assert.deepEqual(asked, ['a/1', 'a/1']);
  });

  test('obeys retry-after when nothing else can answer', async () => {
    const before = clock.now();
    const throttled = error('rate_limited', { retryAfterMs: 7_000, upstream: { status: 429 } });
    assert.equal((await finish(run({ 'a/1': [throttled, served] }))).kind, 'served');
    assert.ok(clock.now() - before >= 7_000);
    assert.deepEqual(asked, ['a/1', 'a/1']);
  });

  test('a retry-after beyond the time budget is told to the caller at once', async () => {
    const before = clock.now();
    const throttled = error('rate_limited', { retryAfterMs: 59_000, upstream: { status: 429 } });
    const result = await run({ 'a/1': [throttled] }, { budgetMs: 10_000 });
    assert.equal(codeOf(result), 'rate_limited');
    assert.equal(result.kind === 'failed' && result.error.retryAfterMs, 59_000);
    assert.equal(clock.now(), before);
  });

  test('a retry-after over the cap is told to the caller at once', async () => {
    const before = clock.now();
    const throttled = error('rate_limited', { retryAfterMs: 8_549_000, upstream: { status: 429 } });
    const result = await run({ 'a/1': [throttled] });
    assert.equal(result.kind === 'failed' && result.error.retryAfterMs, 8_549_000);
    assert.equal(clock.now(), before);
    assert.deepEqual(asked, ['a/1']);
  });

  test('a cooling target is not asked while another can answer', async () => {
    health.throttled('a/1', 30_000, 60_000);
    assert.equal((await run({ 'a/1': [served], 'b/1': [served] })).kind, 'served');
    assert.deepEqual(asked, ['b/1']);
  });

  test('with every breaker open it waits for the first probe', async () => {
    for (let count = 0; count < 3; count++) health.failed('a/1');
    assert.equal((await finish(run({ 'a/1': [served] }))).kind, 'served');
  });

  test('with no time to wait it says when to come back', async () => {
    for (let count = 0; count < 3; count++) health.failed('a/1');
    const result = await run({ 'a/1': [served] }, { budgetMs: 1_000 });
    assert.equal(codeOf(result), 'no_candidate');
    assert.equal(result.kind === 'failed' && result.error.retryAfterMs, 5_000);
    assert.deepEqual(asked, []);
  });

  test('refused credentials are not tried again for this request', async () => {
    const result = await finish(run({ 'a/1': [error('upstream_auth')], 'b/1': [error('upstream_fault')] }));
    assert.equal(codeOf(result), 'upstream_auth');
    assert.deepEqual(asked, ['a/1', 'b/1', 'b/1', 'b/1']);
  });

  test('a stream that broke after the caller saw part of it is not bought twice', async () => {
    const cut: Outcome = {
      kind: 'cut',
      error: new GatewayError('upstream_truncated', 'cut'),
      usage: undefined,
    };
    assert.equal((await run({ 'a/1': [cut], 'b/1': [served] })).kind, 'cut');
    assert.deepEqual(asked, ['a/1']);
  });

  test('a caller who hangs up while waiting ends the walk', async () => {
    const sink = fakeSink();
    const walking = run({ 'a/1': [error('upstream_fault')] }, {}, sink);
    await settle();
    sink.hangUp();
    assert.equal((await walking).kind, 'client-closed');
    assert.deepEqual(asked, ['a/1']);
  });

  test('a route without a fitting target says what is missing', async () => {
    const blind = target('a/1', { model: model({ capabilities: new Set() }) });
    const world = { clock, random: () => 0, health, line: new Line(clock), observe: () => {} };
    const wanting = call({ facts: { ...call().facts, needs: ['vision'] } });
    const way = route([blind]);
    const pass = openPass(clock, wanting, way);
    const result = await walk(world, wanting, way, fakeSink(), pass, async () => served);
    assert.match(result.kind === 'failed' ? result.error.message : '', /no target of it has vision/);
    assert.equal(codeOf(result), 'unsupported');
  });

  describe('a turn', () => {
    /** A target whose bucket is empty for half a second more; the process sleeps `sleptMs` while it waits for its turn. */
    async function takeTurn(sleptMs: number) {
      let slept = 0;
      const sleepy = { now: () => clock.now() + slept, after: clock.after };
      const limits = new MemoryLimits({ clock: sleepy });
      const one = target('a/1', { limits: { meters: [meter('a', 120)], places: [] } });
      const way = route([one]);
      const asking = call();
      const { bucket } = meter('a', 120);
      const drained = limits.reserve({
        id: 'x',
        takes: [{ bucket, amount: 120, floor: 0, mayWait: false }],
        slots: [],
        charges: [],
        maxWaitMs: 0,
      });
      assert.ok(!(drained instanceof Promise) && drained.ok);
      const reserve = mock.method(limits, 'reserve');
      const pass = new Pass(gateWorld(sleepy, limits), asking, way, policy());
      const world = {
        clock: sleepy,
        random: () => 0.5,
        health,
        line: new Line(sleepy),
        observe: () => {},
      };
      const walking = walk(world, asking, way, fakeSink(), pass, async () => {
        const turns = reserve.mock.callCount();
        asked.push(`after ${clock.now() - 1_000_000} ms, ${turns} turns, ${limits.level(bucket)} left`);
        return served;
      });
      await settle();
      slept = sleptMs;
      return finish(walking);
    }

    test('is waited for', async () => {
      assert.equal((await takeTurn(0)).kind, 'served');
      assert.deepEqual(asked, ['after 2000 ms, 1 turns, 3 left']);
    });

    test('that a process slept past is given back, and another asked for', async () => {
      assert.equal((await takeTurn(5_000)).kind, 'served');
      // Seven seconds brought 14, of which one was taken once.
      assert.deepEqual(asked, ['after 2000 ms, 2 turns, 13 left']);
    });

    test('is not asked for again by who is late for all', async () => {
      assert.equal((await takeTurn(10_000_000)).kind, 'served');
      assert.match(asked[0] ?? '', /, 1 turns,/);
    });
  });
});

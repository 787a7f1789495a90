/** The walk before gates that are shut: who waits and for how long, who goes elsewhere, and what the caller is told. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock, settle } from '../../test/support/clock.ts';
import {
  breaker,
  budgetRule,
  call,
  fakeSink,
  gateWorld,
  meter,
  policy,
  route,
  target,
} from '../../test/support/router.ts';
import { GatewayError } from '../core/errors.ts';
import { MemoryLimits } from '../limits/memory/limits.ts';
import { Marks } from '../limits/memory/marks.ts';
import type { Outcome } from './attempt.ts';
import type { Target } from './chain/contract.ts';
import type { AttemptRecord, BudgetRule, Call, Route } from './contract.ts';
import { Pass } from './gate.ts';
import { createHealth, type Health } from './health.ts';
import { Line } from './line.ts';
import type { WalkResult } from './progress.ts';
import { walk } from './walk.ts';

const price = { tiers: [{ aboveInputTokens: 0, rates: { input: 1, output: 0 } }] } as const;
const overloaded = () => new GatewayError('upstream_overloaded', 'busy', { upstream: { status: 529 } });
/** Of every request here: its 400 bytes at a nano-dollar each. */
const worst = 400;

describe('walking to gates that are shut', () => {
  let clock: FakeClock;
  let limits: MemoryLimits;
  let health: Health;
  let line: Line;
  let asked: { name: string; atMs: number }[];
  let observed: AttemptRecord[];
  let serial = 0;

  beforeEach(() => {
    clock = createFakeClock();
    use(new MemoryLimits({ clock }));
    health = createHealth(clock, () => breaker);
    asked = [];
    observed = [];
  });
  afterEach(() => {
    assert.equal(clock.pending(), 0, 'a timer was left behind');
    assert.equal(line.length, 0, 'somebody waits for good');
  });

  function use(chosen: MemoryLimits): void {
    limits = chosen;
    line = new Line(clock);
    limits.onRelease(line.release);
  }

  interface Asking {
    readonly targets: readonly Target[];
    readonly call?: Partial<Call>;
    readonly route?: Partial<Route>;
    readonly budgets?: readonly BudgetRule[];
    readonly sink?: ReturnType<typeof fakeSink>;
    readonly outcome?: (name: string) => Promise<Outcome>;
  }

  const free: Outcome = { kind: 'served', usage: { inputTokens: 0, outputTokens: 0 } };

  function run({ targets, outcome, ...asking }: Asking): Promise<WalkResult> {
    const one = call({ id: `req_${serial++}`, startedAtMs: clock.now(), ...asking.call });
    const way = route(targets, asking.route);
    const pass = new Pass(gateWorld(clock, limits), one, way, policy({ budgets: asking.budgets ?? [] }));
    const world = {
      clock,
      random: () => 0,
      health,
      line,
      observe: (_call: unknown, _route: unknown, _target: unknown, record: AttemptRecord) =>
        observed.push(record),
    };
    return walk(world, one, way, asking.sink ?? fakeSink(), pass, async ({ name }) => {
      asked.push({ name, atMs: clock.now() });
      return outcome === undefined ? free : outcome(name);
    });
  }

  /** Runs time until it ends. */
  async function ends(walking: Promise<WalkResult>, ms = 200_000): Promise<WalkResult> {
    let result: WalkResult | undefined;
    void walking.then((value) => {
      result = value;
    });
    await settle();
    for (let at = 0; at < ms && result === undefined; at += 50) await clock.advance(50);
    assert.ok(result, 'the walk did not end');
    return result;
  }

  const errorOf = (result: WalkResult) =>
    result.kind === 'failed' ? result.error : assert.fail(result.kind);
  const lone = (limit = 60): Target =>
    target('a/1', { limits: { meters: [meter('a rpm', limit)], places: [] } });

  test('a request waits its turn and leaves exactly at its time; the next one after it', async () => {
    const begin = clock.now();
    const targets = [lone()];
    // Normal work leaves two in sixty to urgent work.
    for (let count = 0; count < 58; count++) await run({ targets });
    const waiting = [run({ targets }), run({ targets }), run({ targets })];
    for (const one of waiting) assert.equal((await ends(one)).kind, 'served');
    assert.deepEqual(
      asked.slice(58).map(({ atMs }) => atMs - begin),
      [1_000, 2_000, 3_000],
    );
  });

  test('who hangs up while it waits gives its turn back', async () => {
    const begin = clock.now();
    const targets = [lone()];
    for (let count = 0; count < 58; count++) await run({ targets });
    const sink = fakeSink();
    const gone = run({ targets, sink });
    await settle();
    sink.hangUp();
    assert.equal((await gone).kind, 'client-closed');
    assert.equal((await ends(run({ targets }))).kind, 'served');
    assert.equal((asked.at(-1)?.atMs ?? 0) - begin, 1_000);
    assert.equal(observed.length, 59, 'what never began is no attempt');
  });

  test('urgent work passes the line', async () => {
    const begin = clock.now();
    const targets = [lone()];
    for (let count = 0; count < 58; count++) await run({ targets });
    assert.equal((await run({ targets, call: { priority: 'high' } })).kind, 'served');
    assert.equal(clock.now(), begin);
  });

  test('work that can wait is shed first, and does not stand in the line', async () => {
    const targets = [lone()];
    for (let count = 0; count < 42; count++) await run({ targets, call: { priority: 'low' } });
    const low = run({ targets, call: { priority: 'low' }, route: { budgetMs: 500 } });
    const error = errorOf(await low);
    assert.equal(error.code, 'no_room');
    assert.equal(error.retryAfterMs, 1_000);
    assert.equal((await run({ targets })).kind, 'served');
  });

  test('another target with room is better than waiting', async () => {
    const begin = clock.now();
    const targets = [lone(1), target('b/1')];
    await run({ targets });
    assert.equal((await run({ targets })).kind, 'served');
    assert.deepEqual(asked, [
      { name: 'a/1', atMs: begin },
      { name: 'b/1', atMs: begin },
    ]);
  });

  test('of a chain without room the soonest is waited for', async () => {
    const begin = clock.now();
    const targets = [lone(1), target('b/1', { limits: { meters: [meter('b rpm', 30)], places: [] } })];
    for (let count = 0; count < 30; count++) await run({ targets, call: { priority: 'high' } });
    asked.length = 0;
    const result = await ends(run({ targets, call: { priority: 'high' } }));
    assert.equal(result.kind, 'served');
    assert.deepEqual(asked, [{ name: 'b/1', atMs: begin }]);
    const waited = await ends(run({ targets, call: { priority: 'high' } }));
    assert.equal(waited.kind, 'served');
    assert.deepEqual(asked[1], { name: 'b/1', atMs: begin + 2_000 });
  });

  test('too late is told at once, with the time of the first that has room again', async () => {
    const begin = clock.now();
    const targets = [lone(1), target('b/1', { limits: { meters: [meter('b rpm', 2)], places: [] } })];
    for (let count = 0; count < 3; count++) await run({ targets, call: { priority: 'high' } });
    const result = await run({ targets, call: { priority: 'high', budgetMs: 20_000 } });
    const error = errorOf(result);
    assert.equal(error.code, 'no_room');
    assert.equal(error.status, 429);
    assert.equal(error.retryAfterMs, 30_000);
    assert.equal(clock.now(), begin);
    assert.deepEqual(
      result.tried.map(({ target: name, outcome, code }) => [name, outcome, code]),
      [
        ['a/1', 'refused', 'no_room'],
        ['b/1', 'refused', 'no_room'],
      ],
    );
  });

  test('what is larger than a limit ever allows passes that target over, and waits for nothing', async () => {
    const begin = clock.now();
    const small = target('a/1', { limits: { meters: [meter('a in', 50, 'input')], places: [] } });
    assert.equal((await run({ targets: [small, target('b/1')] })).kind, 'served');
    assert.deepEqual(asked, [{ name: 'b/1', atMs: begin }]);
    const error = errorOf(await run({ targets: [small] }));
    assert.equal(error.code, 'no_room');
    assert.match(error.message, /larger than limit a in ever allows/);
    assert.equal(error.retryAfterMs, undefined);
    assert.equal(clock.now(), begin);
  });

  test('a place that becomes free goes to whoever waits for it', async () => {
    const busy = target('a/1', { limits: { meters: [], places: [{ key: 'a places', limit: 1 }] } });
    let finish: (outcome: Outcome) => void = () => {};
    const first = run({
      targets: [busy],
      outcome: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    const second = run({ targets: [busy] });
    await clock.advance(1_000);
    assert.equal(asked.length, 1);
    finish(free);
    await first;
    assert.equal((await second).kind, 'served');
    const third = run({ targets: [busy], outcome: () => new Promise(() => {}) });
    const late = await ends(run({ targets: [busy], route: { budgetMs: 2_000 } }));
    assert.equal(errorOf(late).code, 'no_room');
    void third;
  });

  test('money that is only set aside is waited for, and then spent', async () => {
    const targets = [target('a/1', { price })];
    const budgets = [budgetRule({ capNanoUsd: worst + 10 })];
    let finish: (outcome: Outcome) => void = () => {};
    const first = run({
      targets,
      budgets,
      outcome: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    const second = run({ targets, budgets });
    await clock.advance(3_000);
    assert.equal(asked.length, 1);
    finish({ kind: 'served', usage: { inputTokens: 5, outputTokens: 0 } });
    await first;
    assert.equal((await second).kind, 'served');
    assert.equal(limits.budget('all/day/now').usedNanoUsd, 5);
  });

  test('money that does not come back in time is a refusal with 402', async () => {
    const targets = [target('a/1', { price })];
    const budgets = [budgetRule({ capNanoUsd: worst })];
    void run({ targets, budgets, outcome: () => new Promise(() => {}) });
    const begin = clock.now();
    const error = errorOf(await ends(run({ targets, budgets, route: { budgetMs: 4_000 } })));
    assert.equal(error.code, 'over_budget');
    assert.equal(error.status, 402);
    assert.match(error.message, /all\/day\/now of \$0.00 is set aside.* resets at 1970-01-02T00:00:00.000Z/);
    assert.ok(clock.now() - begin <= 4_100, String(clock.now() - begin));
  });

  test('spent money refuses at once, names the budget and says when it resets', async () => {
    const begin = clock.now();
    const targets = [target('a/1', { price }), target('b/1', { price })];
    const error = errorOf(await run({ targets, budgets: [budgetRule({ capNanoUsd: worst - 1 })] }));
    assert.equal(error.code, 'over_budget');
    assert.match(error.message, /Budget all\/day\/now .* is spent.* resets at 1970-01-02/);
    assert.equal(error.retryAfterMs, 86_400_000 - begin);
    assert.equal(clock.now(), begin);
    assert.deepEqual(asked, []);
  });

  test('one provider’s money is no reason not to ask another; nor is any where the route says so', async () => {
    const dear = target('a/1', { price });
    const cheap = target('b/1', {
      price: { tiers: [{ aboveInputTokens: 0, rates: { input: 0.1, output: 0 } }] },
    });
    const ofA = budgetRule({ name: 'provider:a/day', scope: 'provider', of: 'a', capNanoUsd: 100 });
    await run({ targets: [dear, cheap], budgets: [ofA] });
    const all = budgetRule({ capNanoUsd: 100 });
    await run({ targets: [dear, cheap], budgets: [all], route: { onOverBudget: 'next' } });
    assert.deepEqual(
      asked.map(({ name }) => name),
      ['b/1', 'b/1'],
    );
    assert.equal(errorOf(await run({ targets: [dear], budgets: [ofA] })).code, 'over_budget');
  });

  test('a price that nobody knows is refused under a hard budget, and where the route asks for known ones', async () => {
    const unknown = target('a/1');
    const hard = errorOf(await run({ targets: [unknown], budgets: [budgetRule()] }));
    assert.equal(hard.code, 'price_unknown');
    assert.equal(hard.status, 402);
    assert.match(hard.message, /price of a\/1 is unknown, and budget all\/day is a hard one/);
    assert.equal((await run({ targets: [unknown], budgets: [budgetRule({ hard: false })] })).kind, 'served');
    assert.equal((await run({ targets: [unknown] })).kind, 'served');
    const known = errorOf(await run({ targets: [unknown], route: { knownPrices: true } }));
    assert.equal(known.code, 'price_unknown');
    const chain = [unknown, target('b/1', { price })];
    assert.equal((await run({ targets: chain, route: { knownPrices: true } })).kind, 'served');
    assert.equal(asked.at(-1)?.name, 'b/1');
  });

  test('a key over its limit is told so at once, and nobody else is asked', async () => {
    const begin = clock.now();
    const caller = { key: 'app', limits: { meters: [meter('key:1 rpm', 1)], places: [] }, budgets: [] };
    const fails = async (name: string): Promise<Outcome> =>
      name === 'a/1' ? { kind: 'failed', error: overloaded() } : free;
    const targets = [target('a/1'), target('b/1')];
    assert.equal((await run({ targets, call: { caller }, outcome: fails })).kind, 'served');
    assert.equal(asked.length, 2, 'a second target was counted as a second request');
    const error = errorOf(await run({ targets, call: { caller } }));
    assert.equal(error.code, 'key_limited');
    assert.equal(error.status, 429);
    assert.equal(error.retryAfterMs, 60_000);
    assert.equal(asked.length, 2);
    assert.equal(clock.now(), begin);
  });

  test('a mark that cannot be written refuses with 503, and frees the probe of a target', async () => {
    const writer = { write: () => Promise.reject(new Error('the disk is full')) };
    use(new MemoryLimits({ clock, marks: new Marks(writer, new Map()) }));
    for (let count = 0; count < 3; count++) health.failed('a/1');
    await clock.advance(5_000);
    assert.equal(health.view('a/1').standing, 'probe');
    const error = errorOf(await run({ targets: [target('a/1', { price })], budgets: [budgetRule()] }));
    assert.equal(error.code, 'store_unavailable');
    assert.doesNotMatch(error.message, /disk/);
    assert.equal(health.view('a/1').standing, 'probe');
  });
});

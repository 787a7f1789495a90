import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../../test/support/clock.ts';
import { call, meter, model, route, target } from '../../../test/support/router.ts';
import { createCalibration } from '../../catalog/calibration.ts';
import type { Price } from '../../core/price.ts';
import type { Usage } from '../../core/usage.ts';
import { MemoryLimits } from '../../limits/memory/limits.ts';
import type { Target } from '../chain/contract.ts';
import type { AttemptRecord, Call, Order, Route } from '../contract.ts';
import { decide } from '../decide.ts';
import { Learning } from '../learning.ts';
import { createMeasures, type Measuring } from './measures.ts';
import { Recent } from './recent.ts';

const ready = { view: () => ({ standing: 'ready' as const, untilMs: 0 }) };

/** Dollars for a million tokens. */
function priced(input: number, output: number, cacheRead?: number): { price: Price } {
  const rates = {
    input: input * 1000,
    output: output * 1000,
    ...(cacheRead === undefined ? {} : { cacheRead: cacheRead * 1000 }),
  };
  return { price: { tiers: [{ aboveInputTokens: 0, rates }] } };
}

describe('orders by measurement', () => {
  let clock: FakeClock;
  let limits: MemoryLimits;
  let measures: Measuring;
  beforeEach(() => {
    clock = createFakeClock();
    limits = new MemoryLimits({ clock });
    measures = createMeasures({
      clock,
      limits,
      learning: new Learning(limits),
      estimates: createCalibration(),
    });
  });

  /** Of the draws that are not meant to find out anything. */
  const steady = 0.5 / 997;
  const asking = (changes: Partial<Call> = {}): Call => call({ draw: steady, ...changes });
  const wayOf = (order: Order, targets: readonly Target[], changes: Partial<Route> = {}): Route =>
    route(targets, { order, sticky: true, ...changes });

  function orderOf(way: Route, request: Call = asking()): readonly string[] {
    return decide(request, way, { ...ready, measures }).candidates.map(({ name }) => name);
  }

  function served(
    way: Route,
    one: Target,
    durationMs: number,
    more: Partial<AttemptRecord> = {},
    request = asking(),
  ): void {
    measures.observe(request, way, one, { target: one.name, outcome: 'served', durationMs, ...more });
  }

  describe('fastest', () => {
    const [a, b] = [target('a/1'), target('b/1')];
    const way = wayOf('fastest', [a, b]);

    test('is as listed while nothing is known, and then by time', () => {
      assert.deepEqual(orderOf(way), ['a/1', 'b/1']);
      served(way, a, 900);
      served(way, b, 300);
      assert.deepEqual(orderOf(way), ['b/1', 'a/1']);
    });

    test('follows what changes, and not one answer', () => {
      for (let at = 0; at < 20; at++) {
        served(way, a, 300);
        served(way, b, 500);
      }
      served(way, a, 900);
      assert.deepEqual(orderOf(way), ['a/1', 'b/1']);
      for (let at = 0; at < 10; at++) served(way, a, 900);
      assert.deepEqual(orderOf(way), ['b/1', 'a/1']);
    });

    test('believes one answer more, the longer there was none', async () => {
      for (let at = 0; at < 20; at++) {
        served(way, a, 300);
        served(way, b, 500);
      }
      await clock.advance(300_000);
      served(way, a, 900);
      assert.deepEqual(orderOf(way), ['b/1', 'a/1']);
    });

    test('goes by the first content of streams, apart from whole answers', () => {
      const streaming = asking();
      const whole = asking({ facts: { ...streaming.facts, stream: false } });
      served(way, a, 9_000, { firstMs: 200 }, streaming);
      served(way, b, 2_000, { firstMs: 800 }, streaming);
      served(way, a, 9_000, {}, whole);
      served(way, b, 2_000, {}, whole);
      assert.deepEqual(orderOf(way, streaming), ['a/1', 'b/1']);
      assert.deepEqual(orderOf(way, whole), ['b/1', 'a/1']);
    });

    test('takes a quick refusal for no speed, and a timeout for its time', () => {
      served(way, b, 300);
      measures.observe(asking(), way, a, {
        target: 'a/1',
        outcome: 'failed',
        code: 'upstream_fault',
        durationMs: 3,
      });
      assert.deepEqual(orderOf(way), ['b/1', 'a/1']);
      measures.observe(asking(), way, b, {
        target: 'b/1',
        outcome: 'failed',
        code: 'upstream_timeout',
        durationMs: 30_000,
      });
      served(way, a, 1_000);
      assert.deepEqual(orderOf(way), ['a/1', 'b/1']);
    });

    test('sends a small share to what was not measured lately, the same ones each time, until it is', async () => {
      served(way, a, 300);
      const first = (): readonly number[] =>
        Array.from({ length: 10_000 }, (_, at) => (at + 0.3) / 10_000).filter(
          (draw) => orderOf(way, asking({ draw }))[0] === 'b/1',
        );
      const exploring = first();
      assert.ok(exploring.length > 200 && exploring.length < 400, `${exploring.length} of 10,000`);
      assert.deepEqual(first(), exploring);
      served(way, b, 800);
      assert.deepEqual(first(), []);
      await clock.advance(61_000);
      served(way, a, 300);
      assert.deepEqual(first(), exploring, 'it is forgotten for good');
    });
  });

  describe('most room', () => {
    const [requests, tokens] = [meter('r', 100), meter('t', 10_000, 'input')];
    const [a, b, free] = [
      target('a/1', { limits: { meters: [requests, tokens], places: [] } }),
      target('b/1', { limits: { meters: [], places: [{ key: 'p', limit: 10 }] } }),
      target('free/1'),
    ];
    const take = (key: typeof requests, amount: number) => ({
      bucket: key.bucket,
      amount,
      floor: 0,
      mayWait: true,
    });

    test('goes by the fullest limit of each target', () => {
      const way = wayOf('most-room', [a, b]);
      assert.deepEqual(orderOf(way), ['a/1', 'b/1']);
      limits.reserve({ id: '1', takes: [take(tokens, 4_000)], slots: [], charges: [], maxWaitMs: 0 });
      assert.deepEqual(orderOf(way), ['b/1', 'a/1']);
      limits.reserve({
        id: '2',
        takes: [],
        slots: [{ key: 'p', limit: 10, amount: 5 }],
        charges: [],
        maxWaitMs: 0,
      });
      assert.deepEqual(orderOf(way), ['a/1', 'b/1']);
    });

    test('takes a target without limits for free', () => {
      limits.reserve({ id: '1', takes: [take(requests, 1)], slots: [], charges: [], maxWaitMs: 0 });
      assert.deepEqual(orderOf(wayOf('most-room', [a, free])), ['free/1', 'a/1']);
    });
  });

  describe('cheapest', () => {
    test('goes by what the request is expected to cost, not by the price of a token', () => {
      const [input, output] = [target('in/1', priced(1, 20)), target('out/1', priced(3, 4))];
      const way = wayOf('cheapest', [input, output]);
      const facts = asking().facts;
      const long = asking({ facts: { ...facts, inputTokens: 50_000, maxOutputTokens: 100 } });
      const short = asking({ facts: { ...facts, inputTokens: 100, maxOutputTokens: 4_000 } });
      assert.deepEqual(orderOf(way, long), ['in/1', 'out/1']);
      assert.deepEqual(orderOf(way, short), ['out/1', 'in/1']);
    });

    test('counts how long each writes, and takes one that has not written yet for as long as the others', () => {
      const learnt = createCalibration();
      const way = (targets: readonly Target[]) => wayOf('cheapest', targets);
      const [terse, wordy, fresh] = [
        target('terse/1', priced(1, 10)),
        target('wordy/1', priced(1, 8)),
        target('fresh/1', priced(1, 9)),
      ];
      measures = createMeasures({ clock, limits, learning: new Learning(limits), estimates: learnt });
      for (const [one, actualOutput] of [
        [terse, 100],
        [wordy, 900],
      ] as const)
        learnt.learn({ model: one.model.id, key: `assistant|${one.name}`, rough: 100, actualOutput });
      assert.deepEqual(orderOf(way([wordy, terse])), ['terse/1', 'wordy/1']);
      assert.deepEqual(orderOf(way([fresh, terse, wordy])), ['terse/1', 'fresh/1', 'wordy/1']);
    });

    test('counts tokens as each model’s own tokeniser does', () => {
      const learnt = createCalibration();
      measures = createMeasures({ clock, limits, learning: new Learning(limits), estimates: learnt });
      const [few, many] = [
        target('few/1', { ...priced(1.2, 0), model: model({ id: 'few' }) }),
        target('many/1', { ...priced(1, 0), model: model({ id: 'many' }) }),
      ];
      learnt.learn({ model: 'few', key: 'k', rough: 1_000, actualInput: 1_000 });
      learnt.learn({ model: 'many', key: 'k', rough: 1_000, actualInput: 1_500 });
      const facts = { ...asking().facts, inputTokens: 10_000 };
      assert.deepEqual(orderOf(wayOf('cheapest', [many, few]), asking({ facts })), ['few/1', 'many/1']);
    });

    test('what has no price comes last', () => {
      assert.deepEqual(orderOf(wayOf('cheapest', [target('x/1'), target('y/1', priced(9, 9))])), [
        'y/1',
        'x/1',
      ]);
    });
  });

  describe('a warm prompt cache', () => {
    const [a, b] = [target('a/1', priced(1, 1, 0.1)), target('b/1', priced(1.2, 1, 0.1))];
    const chat = (inputTokens: number, id = 'c'): Call =>
      asking({
        facts: { ...asking().facts, inputTokens, maxOutputTokens: 10 },
        conversation: () => ({ id, prefixId: 'shared', prefixTokens: 2_000 }),
      });
    const usage = (inputTokens: number, read: number, written?: number): Usage => ({
      inputTokens,
      outputTokens: 10,
      cacheReadTokens: read,
      ...(written === undefined ? {} : { cacheWriteTokens: written }),
    });

    test('keeps a conversation where it is, for as long as the cache is kept', async () => {
      const way = wayOf('cheapest', [a, b]);
      assert.deepEqual(orderOf(way, chat(9_000)), ['a/1', 'b/1']);
      served(way, b, 100, { usage: usage(9_000, 0, 8_900) }, chat(9_000));
      assert.deepEqual(orderOf(way, chat(9_500)), ['b/1', 'a/1']);
      const told = decide(chat(9_500), way, { ...ready, measures });
      assert.deepEqual(told.warmTokens, [8_900, 0]);
      await clock.advance(300_001);
      assert.deepEqual(orderOf(way, chat(9_500)), ['a/1', 'b/1']);
    });

    test('is of use to others that begin alike, as far as they do', () => {
      const way = wayOf('cheapest', [a, b]);
      served(way, b, 100, { usage: usage(9_000, 0, 8_900) }, chat(9_000));
      assert.deepEqual(decide(chat(2_500, 'other'), way, { ...ready, measures }).warmTokens, [2_000, 0]);
      assert.deepEqual(orderOf(way, chat(2_500, 'other')), ['b/1', 'a/1']);
      // 2,000 warm tokens do not make up for what 40,000 cost more.
      assert.deepEqual(orderOf(way, chat(40_000, 'other')), ['a/1', 'b/1']);
    });

    test('of a target that says it writes nothing is none', () => {
      const way = wayOf('cheapest', [a, b]);
      served(way, b, 100, { usage: usage(9_000, 0, 0) }, chat(9_000));
      assert.deepEqual(orderOf(way, chat(9_500)), ['a/1', 'b/1']);
    });

    test('of a target that does not count its writes is believed in as far as it shows', () => {
      const way = wayOf('cheapest', [a, b]);
      served(way, b, 100, { usage: usage(9_000, 0) }, chat(9_000));
      assert.deepEqual(orderOf(way, chat(9_500)), ['b/1', 'a/1']);
      for (let turn = 0; turn < 10; turn++) served(way, b, 100, { usage: usage(9_000, 0) }, chat(9_000));
      assert.deepEqual(orderOf(way, chat(9_500)), ['a/1', 'b/1'], 'it never read any');
      for (let turn = 0; turn < 10; turn++) served(way, b, 100, { usage: usage(9_000, 8_960) }, chat(9_000));
      assert.deepEqual(orderOf(way, chat(9_500)), ['b/1', 'a/1']);
    });

    test('is nothing to a route that is not sticky, nor to short prompts', () => {
      const loose = wayOf('cheapest', [a, b], { sticky: false });
      served(loose, b, 100, { usage: usage(9_000, 0, 8_900) }, chat(9_000));
      assert.deepEqual(orderOf(loose, chat(9_500)), ['a/1', 'b/1']);
      const way = wayOf('cheapest', [a, b]);
      served(way, b, 100, { usage: usage(500, 0, 400) }, chat(500));
      assert.deepEqual(orderOf(way, chat(510)), ['a/1', 'b/1']);
    });

    test('makes up for a slower target, and not for one that is far slower', () => {
      const way = wayOf('fastest', [a, b]);
      const turn = (ms: number): void => {
        served(way, a, 300, {}, chat(100));
        served(way, b, ms, {}, chat(100));
      };
      turn(500);
      assert.deepEqual(orderOf(way, chat(9_500)), ['a/1', 'b/1']);
      served(way, b, 500, { usage: usage(9_000, 0, 8_900) }, chat(9_000));
      assert.deepEqual(orderOf(way, chat(9_500)), ['b/1', 'a/1']);
      for (let times = 0; times < 40; times++) turn(9_000);
      assert.deepEqual(orderOf(way, chat(9_500)), ['a/1', 'b/1']);
    });

    test('is not looked for where the route goes by its list', () => {
      const way = wayOf('listed', [a, b]);
      const request = asking({
        conversation() {
          throw new Error('the list was asked for a conversation');
        },
      });
      served(way, a, 100, { usage: usage(9_000, 0, 8_900) }, request);
      assert.deepEqual(orderOf(way, request), ['a/1', 'b/1']);
    });
  });

  test('what is kept is bounded, and the least lately touched goes first', () => {
    const recent = new Recent<number>(3);
    for (const name of ['a', 'b', 'c']) recent.set(name, 1);
    recent.set('a', 2);
    recent.set('d', 1);
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((name) => recent.get(name)),
      [2, undefined, 1, 1],
    );
    assert.equal(recent.size, 3);
  });
});

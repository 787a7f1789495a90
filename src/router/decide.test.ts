import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { call, model, route, target } from '../../test/support/router.ts';
import type { Facts } from '../core/facts.ts';
import { matchesPattern } from '../core/pattern.ts';
import type { Step } from './chain/contract.ts';
import type { Condition, Considered } from './contract.ts';
import { decide, type Reason, type World } from './decide.ts';
import type { HealthView } from './health.ts';

const healthy: World = { view: () => ({ standing: 'ready', untilMs: 0 }) };
const withHealth = (views: Record<string, HealthView>): World => ({
  view: (name) => views[name] ?? { standing: 'ready', untilMs: 0 },
});
const facts = (overrides: Partial<Facts> = {}): Facts => ({ ...call().facts, ...overrides });
const request = (overrides: Partial<Considered> = {}): Considered => ({ ...call(), ...overrides });
const names = (steps: readonly { readonly name: string }[]): readonly string[] =>
  steps.map((one) => one.name);

describe('decide', () => {
  test('keeps the chain’s order', () => {
    const decision = decide(request(), route([target('a/1'), target('b/1'), target('c/1')]), healthy);
    assert.deepEqual(names(decision.candidates), ['a/1', 'b/1', 'c/1']);
    assert.deepEqual(decision.passed, []);
  });

  const blind = target('a/blind', { model: model({ capabilities: new Set(['tools']) }) });
  const small = target('a/small', { model: model({ contextTokens: 1000 }) });
  const large = target('a/large', { model: model({ contextTokens: 50_000 }) });
  const embedder = (() => {
    const { chat: _chat, ...rest } = target('a/embedder');
    return rest;
  })();
  const passes: readonly [string, Partial<Considered>, ReturnType<typeof target>, Reason['kind']][] = [
    [
      'an image never reaches a model without vision',
      { facts: facts({ needs: ['vision'] }) },
      blind,
      'lacks',
    ],
    ['input over the window skips it', { facts: facts({ inputTokens: 2000 }) }, small, 'too-long'],
    [
      'input and wanted output count together',
      { facts: facts({ inputTokens: 900, maxOutputTokens: 200 }) },
      small,
      'too-long',
    ],
    ['a model without the operation is skipped', {}, embedder, 'no-endpoint'],
    [
      'a request only one protocol can carry skips the others',
      { protocol: 'anthropic-messages', facts: facts({ nativeOnly: true }) },
      small,
      'other-protocol',
    ],
  ];
  for (const [what, overrides, unfit, reason] of passes) {
    test(what, () => {
      const other = reason === 'other-protocol' ? [] : [large];
      const decision = decide(request(overrides), route([unfit, ...other]), healthy);
      assert.deepEqual(names(decision.candidates), names(other));
      assert.equal(decision.passed[0]?.reason.kind, reason);
    });
  }

  test('when only the size estimate stands in the way, the largest healthy window is tried', () => {
    const big = request({ facts: facts({ inputTokens: 1_000_000 }) });
    assert.deepEqual(names(decide(big, route([small, large]), healthy).candidates), ['a/large']);
    const down = withHealth({ 'a/large': { standing: 'open', untilMs: 5 } });
    assert.deepEqual(names(decide(big, route([small, large]), down).candidates), ['a/small']);
  });

  test('open, probing and cooling targets are passed over; one due for a probe is not', () => {
    const world = withHealth({
      'a/1': { standing: 'open', untilMs: 9 },
      'b/1': { standing: 'cooling', untilMs: 9 },
      'c/1': { standing: 'probing', untilMs: 9 },
      'd/1': { standing: 'probe', untilMs: 0 },
    });
    const decision = decide(
      request(),
      route(['a/1', 'b/1', 'c/1', 'd/1'].map((name) => target(name))),
      world,
    );
    assert.deepEqual(names(decision.candidates), ['d/1']);
    assert.deepEqual(
      decision.passed.map(({ reason }) => reason.kind),
      ['unhealthy', 'unhealthy', 'unhealthy'],
    );
  });

  test('weights share a place as the draw falls, and the rest stand behind as fallbacks', () => {
    const split: Step = {
      options: [
        { target: target('a/1'), weight: 80 },
        { target: target('b/1'), weight: 15 },
        { target: target('c/1'), weight: 5 },
      ],
    };
    const shared = { ...route([]), chain: [split] };
    const first = (draw: number) => names(decide(request({ draw }), shared, healthy).candidates);
    assert.deepEqual(first(0), ['a/1', 'b/1', 'c/1']);
    assert.deepEqual(first(0.79), ['a/1', 'b/1', 'c/1']);
    assert.deepEqual(first(0.81), ['b/1', 'a/1', 'c/1']);
    assert.deepEqual(first(0.96), ['c/1', 'a/1', 'b/1']);
  });

  test('is a pure function of its arguments', () => {
    const chain = route([target('a/1'), target('b/1')]);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(300_000), (draw, inputTokens) => {
        const one = request({ draw, facts: facts({ inputTokens }) });
        assert.deepEqual(decide(one, chain, healthy), decide(one, chain, healthy));
      }),
    );
  });
});

describe('rules', () => {
  const special = target('special/1');
  const usual = target('usual/1');
  const taken = (when: Condition, overrides: Partial<Considered> = {}): boolean => {
    const chain = [{ options: [{ target: special, weight: 1 }] }];
    const decision = decide(
      request(overrides),
      { ...route([usual]), rules: [{ text: '', when, chain }] },
      healthy,
    );
    return decision.candidates[0] === special;
  };
  const rows: readonly [string, Condition, Partial<Considered>, boolean][] = [
    ['an empty condition', {}, {}, true],
    ['the model by pattern', { model: ['gpt-*', 'assist*'] }, {}, true],
    ['another model', { model: ['gpt-*'] }, {}, false],
    ['stream wanted', { stream: true }, {}, true],
    ['stream not wanted', { stream: false }, {}, false],
    ['a priority of several', { priority: ['low', 'normal'] }, {}, true],
    ['another priority', { priority: ['low'] }, {}, false],
    ['all tags', { tags: ['a', 'b'] }, { tags: ['b', 'c', 'a'] }, true],
    ['one tag missing', { tags: ['a', 'b'] }, { tags: ['a'] }, false],
    ['a need', { needs: ['vision'] }, { facts: facts({ needs: ['tools', 'vision'] }) }, true],
    ['a need that is not there', { needs: ['vision'] }, {}, false],
    ['size at the lower bound', { inputTokens: { min: 100 } }, {}, true],
    ['size under the lower bound', { inputTokens: { min: 101 } }, {}, false],
    ['size over the upper bound', { inputTokens: { max: 99 } }, {}, false],
    ['wanted output', { maxOutputTokens: { min: 10 } }, { facts: facts({ maxOutputTokens: 10 }) }, true],
    ['wanted output not given counts as none', { maxOutputTokens: { min: 1 } }, {}, false],
    ['a header by pattern', { headers: { 'x-team': 'sea*' } }, { headers: { 'x-team': 'search' } }, true],
    [
      'a repeated header',
      { headers: { 'x-team': 'search' } },
      { headers: { 'x-team': ['ads', 'search'] } },
      true,
    ],
    ['a header missing', { headers: { 'x-team': '*' } }, {}, false],
    ['all parts must hold', { stream: true, tags: ['a'] }, { tags: [] }, false],
  ];
  for (const [what, when, overrides, wanted] of rows) {
    test(`${what}: ${wanted ? 'holds' : 'does not hold'}`, () =>
      assert.equal(taken(when, overrides), wanted));
  }

  test('the first rule that holds wins', () => {
    const rule = (name: string, when: Condition) => ({
      text: name,
      when,
      chain: [{ options: [{ target: target(name), weight: 1 }] }],
    });
    const rules = [rule('no/1', { stream: false }), rule('first/1', { stream: true }), rule('second/1', {})];
    const decision = decide(request(), { ...route([usual]), rules }, healthy);
    assert.equal(decision.rule?.text, 'first/1');
    assert.deepEqual(names(decision.candidates), ['first/1']);
  });
});

describe('patterns', () => {
  test('mean what the regular expression means', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '-'), maxLength: 8 });
    fc.assert(
      fc.property(
        letters,
        fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 }),
        (pattern, text) => {
          const regular = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
          assert.equal(matchesPattern(pattern, text), regular.test(text));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

/** The chain that a worker walks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { route, target } from '../../test/support/router.ts';
import type { Price } from '../core/price.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Policy, Route } from '../router/contract.ts';
import { workerRoute } from './chain.ts';

const price: Price = { tiers: [{ aboveInputTokens: 0, rates: { input: 1, output: 1 } }] };
const longMs = 3_600_000;

function policyOf(...targets: readonly Target[]): Policy {
  return {
    version: 1,
    find: () => undefined,
    target: (name) => targets.find((one) => one.name === name),
    webhook: () => undefined,
    names: [],
    targets,
    routes: [],
    breaker: { failures: 5, ratio: 0.5, windowMs: 1, openMs: 1, openCapMs: 1 },
    budgets: [],
  };
}

function namesOf({ chain }: Pick<Route, 'chain'>): readonly string[] {
  return chain.map(({ options }) => options.map((option) => option.target.name).join(' | '));
}

const sync = target('a/one');
const other = target('b/two');
const flex = target('a/one@flex', { mode: 'flex', price });
const batch = target('a/one@batch', { mode: 'batch' });

describe('the chain that a worker walks', () => {
  test('has the flex twin of a target before it, where there is one', () => {
    const made = workerRoute(route([sync, other]), policyOf(flex), longMs);
    assert.deepEqual(namesOf(made), ['a/one@flex', 'a/one', 'b/two']);
  });

  test('has none where the route does not want it, nobody knows its price, or it has no endpoint', () => {
    const { waiting } = route([]);
    const unwanted = route([sync], { waiting: { ...waiting, flex: false } });
    assert.deepEqual(namesOf(workerRoute(unwanted, policyOf(flex), longMs)), ['a/one']);
    const { price: _price, ...unpriced } = flex;
    assert.deepEqual(namesOf(workerRoute(route([sync]), policyOf(unpriced), longMs)), ['a/one']);
    const { chat: _chat, ...silent } = flex;
    assert.deepEqual(namesOf(workerRoute(route([sync]), policyOf(silent), longMs)), ['a/one']);
  });

  test('has none where the deadline leaves no time for the target itself afterwards', () => {
    const least = flex.timeouts.totalMs + sync.timeouts.totalMs;
    assert.deepEqual(namesOf(workerRoute(route([sync]), policyOf(flex), least)), ['a/one']);
    assert.deepEqual(namesOf(workerRoute(route([sync]), policyOf(flex), least + 1)), ['a/one@flex', 'a/one']);
  });

  test('has a flex target once, where it is written already', () => {
    const made = workerRoute(route([sync, flex]), policyOf(flex), longMs);
    assert.deepEqual(namesOf(made), ['a/one', 'a/one@flex']);
  });

  test('keeps the weights of a step in its twins', () => {
    const step = {
      options: [
        { target: sync, weight: 3 },
        { target: other, weight: 1 },
      ],
    };
    const { chain } = workerRoute({ ...route([]), chain: [step] }, policyOf(flex), longMs);
    assert.deepEqual(chain, [{ options: [{ target: flex, weight: 3 }] }, step]);
  });

  test('calls the sync forms of a chain that is batches alone, and leaves others to be passed over', () => {
    const policy = policyOf(sync, batch);
    assert.deepEqual(namesOf(workerRoute(route([batch]), policy, longMs)), ['a/one']);
    assert.deepEqual(namesOf(workerRoute(route([batch, other]), policy, longMs)), ['a/one@batch', 'b/two']);
  });

  test('is changed in rules alike, has one round, and as long as the deadline leaves', () => {
    const rules = [{ text: 'x', when: {}, chain: [{ options: [{ target: sync, weight: 1 }] }] }];
    const made = workerRoute(route([other], { rules }), policyOf(flex), longMs);
    assert.deepEqual(made.rules.map(namesOf), [['a/one@flex', 'a/one']]);
    assert.equal(made.retry.rounds, 1);
    assert.equal(made.budgetMs, longMs);
  });
});

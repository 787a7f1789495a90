/** Which counters a request is charged to, and when their owners are warned. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../test/support/clock.ts';
import { budgetRule, call, gateWorld, policy, route, target } from '../../test/support/router.ts';
import type { Price } from '../core/price.ts';
import { MemoryLimits } from '../limits/memory/limits.ts';
import { type BudgetAlert, BudgetAlerts } from './budgets.ts';
import type { BudgetRule, Call } from './contract.ts';
import { Pass } from './gate.ts';

const price: Price = { tiers: [{ aboveInputTokens: 0, rates: { input: 1, output: 1 } }] };
const usage = { inputTokens: 30, outputTokens: 7 };
const cost = 37;

describe('budgets', () => {
  let clock: FakeClock;
  let limits: MemoryLimits;
  let alerts: BudgetAlert[];
  let teller: BudgetAlerts;
  beforeEach(() => {
    clock = createFakeClock();
    limits = new MemoryLimits({ clock });
    alerts = [];
    teller = new BudgetAlerts(limits, (alert) => alerts.push(alert));
  });

  async function spend(budgets: readonly BudgetRule[], overrides: Partial<Call> = {}): Promise<void> {
    const one = target('a/1', { price });
    const world = { ...gateWorld(clock, limits), alerts: teller };
    const pass = new Pass(world, call(overrides), route([one]), policy({ budgets }));
    const admission = await pass.admit(one, 0);
    assert.ok(admission.ok);
    admission.settle({ kind: 'served', usage }, 5);
  }

  test('budgets count by everything that a request falls under, each owner by itself', async () => {
    const star = (scope: BudgetRule['scope']): BudgetRule =>
      budgetRule({ name: `${scope}:*/day`, scope, of: '*' });
    const caller = {
      key: 'app',
      team: 'web',
      limits: { meters: [], places: [] },
      budgets: [budgetRule({ name: 'own/day' })],
    };
    const budgets = [
      budgetRule(),
      star('key'),
      star('team'),
      star('route'),
      star('provider'),
      star('tag'),
      budgetRule({ name: 'tag:x/day', scope: 'tag', of: 'x' }),
      budgetRule({ name: 'key:other/day', scope: 'key', of: 'other' }),
      budgetRule({
        name: 'all/batch',
        period: 'batch',
        window: () => ({ name: 'batch', startMs: 0, endMs: 9e12 }),
      }),
    ];
    await spend(budgets, { caller, tags: ['x', 'y'] });
    await spend(budgets, { caller, batch: 'b7' });
    const spent = (name: string): number => limits.budget(name).usedNanoUsd / cost;
    for (const name of [
      'all/day',
      'own/day',
      'key:*/day:app',
      'team:*/day:web',
      'route:*/day:assistant',
      'provider:*/day:a',
    ])
      assert.equal(spent(`${name}/now`), 2, name);
    for (const name of ['tag:*/day:x', 'tag:*/day:y', 'tag:x/day'])
      assert.equal(spent(`${name}/now`), 1, name);
    assert.equal(spent('key:other/day/now'), 0);
    assert.equal(spent('all/batch/b7'), 1);
  });

  test('a budget warns once a window and share', async () => {
    let name = 'monday';
    const rule = budgetRule({
      capNanoUsd: cost * 4,
      hard: false,
      alertShares: [0.5, 1],
      window: () => ({ name, startMs: 0, endMs: 9e12 }),
    });
    for (let count = 0; count < 6; count++) await spend([rule]);
    assert.deepEqual(
      alerts.map(({ budget, share, usedNanoUsd }) => [budget, share, usedNanoUsd / cost]),
      [
        ['all/day/monday', 0.5, 2],
        ['all/day/monday', 1, 4],
      ],
    );
    name = 'tuesday';
    for (let count = 0; count < 2; count++) await spend([rule]);
    assert.equal(alerts.length, 3);
  });
});

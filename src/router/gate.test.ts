/** What an attempt sets aside before it begins, and what becomes of that, by how it ended. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../test/support/clock.ts';
import { budgetRule, call, gateWorld, meter, policy, route, target } from '../../test/support/router.ts';
import { type ErrorCode, errorKinds, GatewayError } from '../core/errors.ts';
import type { Price } from '../core/price.ts';
import { MemoryLimits } from '../limits/memory/limits.ts';
import type { Ending } from './billing.ts';
import type { Meter, Target } from './chain/contract.ts';
import type { BudgetRule, Call, Route } from './contract.ts';
import { type Admitted, Pass } from './gate.ts';

const price: Price = {
  tiers: [{ aboveInputTokens: 0, rates: { input: 2, output: 10 } }],
  tierFactors: { priority: 2 },
};
const dearer: Price = { tiers: [{ aboveInputTokens: 0, rates: { input: 6, output: 30 } }] };
const facts = { ...call().facts, maxOutputTokens: 50 };
/** 400 bytes of body at 2, 50 tokens of answer at 10. */
const worst = 400 * 2 + 50 * 10;
const meters: readonly Meter[] = [
  meter('rpm', 1_000),
  meter('in', 10_000, 'input'),
  meter('out', 10_000, 'output'),
  meter('all', 10_000, 'tokens'),
];
const usage = { inputTokens: 30, outputTokens: 7 };
const budgetKey = 'all/day/now';

// The keys of a constant table are its codes; `Object.keys` only knows that they are text.
const codes = Object.keys(errorKinds) as readonly ErrorCode[];

describe('the gate', () => {
  let clock: FakeClock;
  let limits: MemoryLimits;
  beforeEach(() => {
    clock = createFakeClock();
    limits = new MemoryLimits({ clock });
  });

  interface Asking {
    readonly call?: Partial<Call>;
    readonly route?: Partial<Route>;
    readonly target?: Partial<Target>;
    readonly budgets?: readonly BudgetRule[];
  }
  async function admit(asking: Asking = {}): Promise<Admitted> {
    const one = target('a/1', { price, limits: { meters, places: [] }, ...asking.target });
    const world = gateWorld(clock, limits);
    const budgets = asking.budgets ?? [budgetRule()];
    const pass = new Pass(
      world,
      call({ facts, ...asking.call }),
      route([one], asking.route),
      policy({ budgets }),
    );
    const admission = await pass.admit(one, 0);
    assert.ok(admission.ok, admission.ok ? '' : admission.error.message);
    return admission;
  }

  /** Of each bucket, what is gone. */
  const taken = (): number[] => meters.map(({ bucket }) => bucket.burst - limits.level(bucket));

  test('limits are charged what is expected, budgets the most that it can cost', async () => {
    await admit();
    // 100 tokens estimated; of the 50 that the answer may have, all: it is less than usual answers have.
    assert.deepEqual(taken(), [1, 100, 50, 150]);
    assert.deepEqual(limits.budget(budgetKey), { usedNanoUsd: 0, heldNanoUsd: worst });
  });

  for (const [what, asking, nanoUsd] of [
    ['each of several choices', { call: { facts: { ...facts, choices: 3 } } }, 800 + 3 * 500],
    ['the prompt that tools add', { call: { facts: { ...facts, needs: ['tools'] } } }, worst + 512 * 2],
    ['a dearer service tier', { call: { facts: { ...facts, serviceTier: 'priority' } } }, worst * 2],
    [
      'the list price at a flex tier, which may serve like every other, and nothing for the caller’s own tier',
      {
        target: { mode: 'flex', price, listPrice: dearer },
        call: { facts: { ...facts, serviceTier: 'priority' } },
      },
      worst * 3,
    ],
    [
      'media by tokens, not by bytes',
      { call: { facts: { ...facts, media: true } } },
      (100 * 3 + 16) * 2 + 500,
    ],
    ['no output where there is none', { call: { facts: { ...facts, operation: 'embedding' } } }, 800],
    [
      'the expected, where the route says so',
      { route: { reserve: 'expected' } },
      Math.min(400, 100 * 3 + 16) * 2 + 500,
    ],
    [
      'the longest answer of the model where nobody sets a limit',
      { call: { facts: call().facts } },
      800 + 32_000 * 10,
    ],
  ] as const satisfies readonly (readonly [string, Asking, number])[]) {
    test(`a budget sets aside ${what}`, async () => {
      await admit(asking);
      assert.equal(limits.budget(budgetKey).heldNanoUsd, nanoUsd);
    });
  }

  const failed = (code: ErrorCode, status?: number): Ending => ({
    kind: 'failed',
    error: new GatewayError(code, code, status === undefined ? {} : { upstream: { status } }),
  });
  const cost = 30 * 2 + 7 * 10;
  const guess = 100 * 2 + 50 * 10;
  const cut = new GatewayError('upstream_truncated', 'cut');
  for (const [how, ending, used, kept, told] of [
    ['served with usage', { kind: 'served', usage }, [1, 30, 7, 37], cost, [cost, true]],
    ['served without', { kind: 'served', usage: undefined }, [1, 100, 50, 150], worst, [guess, false]],
    [
      'served for more than expected',
      { kind: 'served', usage: { inputTokens: 900, outputTokens: 90 } },
      [1, 900, 90, 990],
      2_700,
      [2_700, true],
    ],
    ['cut', { kind: 'cut', error: cut, usage: undefined }, [1, 100, 50, 150], worst, [guess, false]],
    [
      'cut with a part of its usage',
      { kind: 'cut', error: cut, usage: { inputTokens: 30 } },
      [1, 30, 50, 80],
      worst,
      [30 * 2 + 500, false],
    ],
    ['left by its caller', { kind: 'client-closed' }, [1, 100, 50, 150], worst, [guess, false]],
    ['never sent', 'unsent', [0, 0, 0, 0], 0, [0, true]],
    ['not connected', failed('upstream_unreachable'), [0, 0, 0, 0], 0, [0, true]],
    ['refused by ourselves before it was sent', failed('unsupported'), [0, 0, 0, 0], 0, [0, true]],
  ] as const satisfies readonly (readonly [string, Ending, number[], number, readonly [number, boolean]])[]) {
    test(`what was ${how} is settled for what it used`, async () => {
      const spent = (await admit()).settle(ending, 5);
      assert.deepEqual(taken(), used);
      assert.deepEqual(limits.budget(budgetKey), { usedNanoUsd: kept, heldNanoUsd: 0 });
      assert.deepEqual([spent.costNanoUsd, spent.exact], told);
    });
  }

  const billedPerhaps = new Set(['upstream_timeout', 'upstream_truncated', 'upstream_malformed', 'internal']);
  test('of failures, what may have been billed keeps its money, and nothing else does', async () => {
    for (const code of codes) {
      const before = limits.budget(budgetKey).usedNanoUsd;
      const spent = (await admit()).settle(failed(code, 500), 5);
      const kept = limits.budget(budgetKey).usedNanoUsd - before;
      const perhaps = billedPerhaps.has(code);
      assert.equal(kept, perhaps ? worst : 0, code);
      assert.equal(spent.exact, !perhaps, code);
    }
    assert.equal(limits.budget(budgetKey).heldNanoUsd, 0);
  });

  test('settling twice is settling once', async () => {
    const admitted = await admit();
    admitted.settle({ kind: 'served', usage }, 5);
    admitted.settle({ kind: 'served', usage }, 5);
    assert.equal(limits.budget(budgetKey).usedNanoUsd, cost);
  });

  test('what is used beyond the expected is owed', async () => {
    const small = meter('small', 120, 'input');
    const asking = {
      target: { limits: { meters: [small], places: [] } },
      call: { priority: 'high' as const },
    };
    (await admit(asking)).settle({ kind: 'served', usage: { inputTokens: 240, outputTokens: 0 } }, 5);
    assert.equal(limits.level(small.bucket), 0);
    await clock.advance(60_000);
    assert.equal(limits.level(small.bucket), 0);
    await clock.advance(500);
    assert.equal(limits.level(small.bucket), 1);
  });

  test('floors: low work leaves the headroom, normal work a little, urgent work nothing', async () => {
    const rpm = meter('shared', 100);
    const of = (priority: Call['priority']): Asking => ({
      target: { limits: { meters: [rpm], places: [] } },
      call: { priority },
    });
    const fill = async (priority: Call['priority']): Promise<number> => {
      for (;;)
        if (
          !(await admit(of(priority)).then(
            () => true,
            () => false,
          ))
        )
          return limits.level(rpm.bucket);
    };
    assert.equal(await fill('low'), 30);
    assert.equal(await fill('normal'), 2);
    assert.equal(await fill('high'), 0);
  });

  test('a large request is not kept out for good by what is left to others', async () => {
    const tokens = meter('tokens', 110, 'input');
    await admit({ target: { limits: { meters: [tokens], places: [] } }, call: { priority: 'low' } });
  });

  test('counting tokens is free and takes nothing', async () => {
    const admitted = await admit({ call: { facts: { ...facts, operation: 'count-tokens' } } });
    assert.deepEqual(admitted.settle({ kind: 'served', usage: undefined }, 5), {
      costNanoUsd: 0,
      listNanoUsd: 0,
      exact: true,
    });
    assert.deepEqual(taken(), [0, 0, 0, 0]);
  });
});

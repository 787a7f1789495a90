/** What `decide` says, row by row: rules, capability, size, health, modes, weights, orders, canaries, deadlines, complexity, items of batches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { route } from '../../test/support/router.ts';
import type { Step, Target } from './chain/contract.ts';
import { type Decision, decide, type Reason, type World } from './decide.ts';
import { cast, considered, type Row, type Scene } from './fixtures/decide/cast.ts';
import { conditionRows } from './fixtures/decide/conditions.ts';
import { fitRows } from './fixtures/decide/fits.ts';
import { healthRows } from './fixtures/decide/health.ts';
import { mixedRows } from './fixtures/decide/mixed.ts';
import { modeRows } from './fixtures/decide/modes.ts';
import { orderRows } from './fixtures/decide/orders.ts';
import { ruleRows } from './fixtures/decide/rules.ts';
import { shareRows } from './fixtures/decide/shares.ts';

function member(name: string): Target {
  return cast.get(name) ?? assert.fail(`"${name}" is not in the cast`);
}

function chainOf(text: string): readonly Step[] {
  return [...text.matchAll(/\{([^}]*)\}|\S+/g)].map(([whole, shared]): Step => {
    if (shared === undefined) return { options: [{ target: member(whole), weight: 1 }] };
    return {
      options: shared.split(' ').map((part) => {
        const [weight = '', name = ''] = part.split(':');
        return { target: member(name), weight: Number(weight) };
      }),
    };
  });
}

function worldOf({ health = {}, score, arm, ms = {}, room = {}, answers = {} }: Scene = {}): World {
  return {
    view: (name) => ({ standing: health[name] ?? 'ready', untilMs: 0 }),
    measures: {
      speedMs: ({ name }) => ms[name],
      room: ({ name }) => room[name],
      outputTokens: (_route, { name }) => answers[name],
    },
    ...(score === undefined
      ? {}
      : { scorer: () => ({ name: 'fixed', score: () => ({ score, parts: [], scorer: 'fixed' }) }) }),
    ...(arm === undefined ? {} : { arm: () => arm }),
  };
}

function run({ ask, chain, rules = [], order = 'listed', canary, scene }: Row): Decision {
  const made = route([], {
    chain: chainOf(chain),
    rules: rules.map(([when, to], index) => ({ text: String(index + 1), when, chain: chainOf(to) })),
    order,
    ...(canary === undefined
      ? {}
      : {
          canary: {
            id: 'one',
            chain: chainOf(canary),
            by: 'key',
            phases: [{ share: 0.5, forMs: 1 }],
            gates: { least: 50, windowMs: 1 },
          },
        }),
  });
  return decide(considered(ask), made, worldOf(scene));
}

function passedText(target: Target, reason: Reason): string {
  switch (reason.kind) {
    case 'lacks':
      return `${target.name} lacks ${reason.capability}`;
    case 'too-long':
      return `${target.name} too-long ${reason.tokens}`;
    case 'unhealthy':
      return `${target.name} ${reason.view.standing}`;
    case 'no-endpoint':
    case 'other-protocol':
    case 'waits':
      return `${target.name} ${reason.kind}`;
  }
}

const tables: readonly (readonly [string, readonly Row[]])[] = [
  ['conditions of rules', conditionRows],
  ['rules', ruleRows],
  ['what fits', fitRows],
  ['health', healthRows],
  ['modes and batches', modeRows],
  ['weights and canaries', shareRows],
  ['orders', orderRows],
  ['all at once', mixedRows],
];

for (const [title, rows] of tables) {
  describe(`decide: ${title}`, () => {
    for (const row of rows) {
      test(row.name, () => {
        const decision = run(row);
        assert.equal(decision.candidates.map(({ name }) => name).join(' '), row.takes);
        const passed = decision.passed.map(({ target, reason }) => passedText(target, reason));
        assert.equal(passed.join(', '), row.passes ?? '');
        assert.equal(decision.rule?.text, row.rule === undefined ? undefined : String(row.rule));
        assert.equal(decision.arm, row.arm);
      });
    }
  });
}

test('the tables have at least 150 rows, and no two of one name', () => {
  const names = tables.flatMap(([title, rows]) => rows.map(({ name }) => `${title}: ${name}`));
  assert.ok(names.length >= 150, `${names.length} rows`);
  assert.equal(new Set(names).size, names.length);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { route, target } from '../../test/support/router.ts';
import type { Route } from './contract.ts';
import { featuresOf } from './explain-route.ts';

const strong = [{ options: [{ target: target('a/strong'), weight: 1 }] }];
const shared = [
  {
    options: [
      { target: target('a/one'), weight: 80 },
      { target: target('b/two'), weight: 20 },
    ],
  },
];
const usual = route([]).waiting;
const textOf = (overrides: Partial<Route>, name: string): string | undefined =>
  featuresOf(route([target('a/one')], overrides), usual).find((feature) => feature.name === name)?.text;

describe('the features of a route in words', () => {
  test('a plain route has none', () => {
    assert.deepEqual(featuresOf(route([target('a/one')]), usual), []);
    assert.deepEqual(
      featuresOf(route([target('a/one')])).map(({ name }) => name),
      ['waiting'],
    );
  });

  const cascade = {
    schema: true,
    escalate: strong,
    auditShare: 0.02,
    calibrateAfter: 200,
    confidence: { from: 'field', field: 'confidence' },
    accept: { kind: 'fixed', confidence: 0.85 },
  } as const;
  const canary = {
    id: '1',
    chain: shared,
    by: 'key',
    phases: [
      { share: 0.05, forMs: 86_400_000 },
      { share: 0.2, forMs: 3 * 86_400_000 },
    ],
    gates: { errorRate: 0.02, p95: 1.5, cost: 1.2, agreement: 0.9, least: 50, windowMs: 1 },
  } as const;
  const rows: readonly [string, Partial<Route>, string][] = [
    ['order', { order: 'fastest' }, 'fastest'],
    [
      'order',
      { order: 'cheapest', sticky: true },
      'cheapest; a conversation stays where its prompt cache is warm, if that is cheaper',
    ],
    [
      'cascade',
      { cascade },
      'accepted from a confidence of 0.85 on and of the wanted form, by field confidence, else a/strong; 2% of accepted answers are audited',
    ],
    [
      'cascade',
      {
        cascade: {
          ...cascade,
          schema: false,
          auditShare: 0,
          confidence: { from: 'agreement', with: shared },
          accept: { kind: 'auto', regret: 0.02, risk: 0.1, first: 0.85 },
        },
      },
      'accepted from where regret is at most 2% (risk 10%; 0.85 until that is known), by agreement with {80: a/one, 20: b/two}, else a/strong',
    ],
    [
      'cascade',
      {
        cascade: {
          ...cascade,
          schema: false,
          auditShare: 0,
          confidence: { from: 'judge', by: strong },
          accept: { kind: 'spend-share', share: 0.3, first: 0.85 },
        },
      },
      'accepted so that 30% go on, by the judge a/strong, else a/strong',
    ],
    [
      'canary',
      { canary },
      '{80: a/one, 20: b/two}, by key: 5% for 24h, 20% for 3d; rolled back over errors +2%, p95 x1.5, cost x1.2, agreement 90%',
    ],
    [
      'cache',
      { cache: { forMs: 5_400_000, scope: 'team' } },
      'the very same request again within 1.5h, for the same team',
    ],
    [
      'cache',
      { cache: { forMs: 250, scope: 'all' } },
      'the very same request again within 250ms, for anybody',
    ],
    [
      'scorer',
      { complexity: { mostChars: 400, weights: {}, scorer: 'trained' } },
      'trained, over at most 400 characters',
    ],
    [
      'waiting',
      { waiting: { ...usual, syncUnderMs: 10_000 } },
      'at once under 10s, queued under 1h, else in batches; 24h where nothing is said; flex first',
    ],
  ];
  for (const [name, overrides, text] of rows)
    test(`${name}: ${text}`, () => assert.equal(textOf(overrides, name), text));
});

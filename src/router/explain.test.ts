import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, model, route, target } from '../../test/support/router.ts';
import type { Reason } from './decide.ts';
import { decide } from './decide.ts';
import { complexityText, explainTargets, rankText, reasonText } from './explain.ts';

describe('decisions in words', () => {
  const unhealthy = (standing: 'open' | 'cooling' | 'probing', untilMs: number): Reason => ({
    kind: 'unhealthy',
    view: { standing, untilMs },
  });
  const reasons: readonly [Reason, string][] = [
    [{ kind: 'no-endpoint' }, 'does not offer this operation'],
    [{ kind: 'other-protocol' }, 'the request uses what only its own protocol has'],
    [{ kind: 'waits' }, 'its mode takes longer than this request waits'],
    [{ kind: 'lacks', capability: 'vision' }, 'lacks vision'],
    [{ kind: 'too-long', tokens: 900, contextTokens: 500 }, 'needs about 900 tokens, its window holds 500'],
    [unhealthy('open', 6_500), 'its breaker is open, for 5.5 s more'],
    [unhealthy('cooling', 61_000), 'it asked for time, for 60 s more'],
    [unhealthy('cooling', 900), 'it asked for time'],
    [unhealthy('probing', 1_250), 'its breaker is open, and another request tries whether it is back'],
  ];
  for (const [reason, text] of reasons) test(text, () => assert.equal(reasonText(reason, 1_000), text));

  test('ranks say what they are made of', () => {
    assert.equal(rankText('cheapest', 1_500_000), 'expected to cost $0.001500000');
    assert.equal(rankText('fastest', 812.4), 'answers in 812 ms');
    assert.equal(rankText('most-room', 0.25), '75% of its limits free');
    assert.equal(rankText('most-room', undefined), 'not known, so behind those that are');
    assert.equal(rankText('listed', 0), 'as listed');
  });

  test('a score is told with its parts, the heaviest first', () => {
    const parts = [
      { name: 'length', value: 0.5, weight: 0.2 },
      { name: 'code', value: 0.8, weight: 0.3333 },
    ];
    assert.equal(
      complexityText({ score: 0.42, parts, scorer: 'heuristic' }),
      '0.42 by heuristic: code 0.80 x 0.333, length 0.50 x 0.2',
    );
    assert.equal(complexityText({ score: 1, parts: [], scorer: 'none' }), '1.00 by none');
  });

  test('every target that was looked at is told, those passed over behind those to be tried', () => {
    const blind = target('a/blind', { model: model({ capabilities: new Set() }) });
    const request = { ...call(), facts: { ...call().facts, needs: ['vision' as const] } };
    const decision = decide(request, route([blind, target('b/1'), target('c/1')]), {
      view: () => ({ standing: 'ready', untilMs: 0 }),
    });
    assert.deepEqual(
      explainTargets(decision).map(({ target: { name }, verdict, why }) => [name, verdict, why]),
      [
        ['b/1', 'first', 'as listed'],
        ['c/1', 'fallback', 'as listed'],
        ['a/blind', 'passed over', 'lacks vision'],
      ],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerOf, callOf, cascadeOf, probableOf } from '../../../test/support/cascade.ts';
import type { StopKind } from '../../core/event.ts';
import { calibrate } from './calibration.ts';
import { readConfidence } from './confidence.ts';
import type { CascadeVerdict } from './contract.ts';
import { judgeAnswer } from './judge.ts';
import { judgeRequest, readJudgement } from './opinion.ts';

describe('the confidence in an answer', () => {
  const rows: readonly (readonly [text: string, confidence: number | undefined, field?: string])[] = [
    ['{"label":"a","confidence":0.93}', 0.93],
    ['{"label":"a","confidence":"0.93"}', 0.93],
    ['{"label":"a","confidence":1}', 1],
    ['{"label":"a","confidence":0}', 0],
    ['Here you are:\n```json\n{"label":"a","confidence":.5,}\n```', undefined],
    ["Here: {'label': 'a', 'confidence': 0.5,}", 0.5],
    ['{"meta":{"sure":0.4}}', 0.4, 'meta.sure'],
    ['{"confidence":93}', undefined],
    ['{"confidence":-0.1}', undefined],
    ['{"confidence":"high"}', undefined],
    ['{"confidence":null}', undefined],
    ['{"label":"a"}', undefined],
    // It may have gone on to say 0.95.
    ['{"label":"a","confidence":0.9', undefined],
    ['no JSON', undefined],
    ['', undefined],
  ];
  for (const [text, expected, field = 'confidence'] of rows)
    test(`${text} at ${field}: ${expected}`, () =>
      assert.equal(readConfidence({ from: 'field', field }, answerOf(text)), expected));

  test('of tokens is their geometric mean', () => {
    const source = { from: 'logprobs' as const };
    assert.equal(readConfidence(source, probableOf(1, 1)), 1);
    assert.ok(Math.abs((readConfidence(source, probableOf(0.9, 0.4)) ?? 0) - 0.6) < 1e-9);
    assert.equal(readConfidence(source, probableOf()), undefined);
    assert.equal(readConfidence(source, answerOf('words')), undefined);
  });

  test('of calls is unknown: they carry neither', () => {
    assert.equal(readConfidence({ from: 'field', field: 'confidence' }, callOf('f', '{}')), undefined);
    assert.equal(readConfidence({ from: 'logprobs' }, callOf('f', '{}')), undefined);
  });
});

describe('a judge', () => {
  const request = {
    kind: 'chat' as const,
    model: 'classify',
    system: [{ type: 'text' as const, text: 'Classify.' }],
    messages: [{ role: 'user' as const, blocks: [{ type: 'text' as const, text: 'x'.repeat(50_000) }] }],
    tools: [],
    stream: true,
    streamUsage: true,
    extensions: { seed: 1 },
  };

  test('is asked about the question and the answer, bounded, and never in a stream', () => {
    const asked = judgeRequest(request, answerOf('y'.repeat(50_000)));
    const text = JSON.stringify(asked);
    assert.ok(text.length < 12_000, String(text.length));
    assert.match(text, /Classify\./);
    assert.match(text, /yyy/);
    assert.equal(asked.stream, false);
    assert.deepEqual(asked.extensions, {});
  });

  test('answers with a number from 0 to 1', () => {
    const rows: readonly (readonly [string, number | undefined])[] = [
      ['{"confidence": 0.8}', 0.8],
      ['```json\n{"confidence": 0.8}\n```', 0.8],
      ['{"score": "0.7"}', 0.7],
      ['0.75', 0.75],
      ['75%', 0.75],
      ['Between 0.2 and 0.8', undefined],
      ['{"confidence": 8}', undefined],
      ['I cannot say.', undefined],
      ['', undefined],
    ];
    for (const [text, expected] of rows) assert.equal(readJudgement(answerOf(text)), expected, text);
  });
});

describe('a cheap answer', () => {
  const why = (of: {
    raw?: number;
    formOk?: boolean;
    finish?: StopKind;
    schema?: boolean;
  }): CascadeVerdict['why'] | 'accepted' => {
    const { raw, formOk = true, finish = 'end', schema = true } = of;
    const verdict = judgeAnswer(cascadeOf({ schema }), 0.85, undefined, { raw, formOk, finish });
    assert.equal(verdict.accepted, verdict.why === undefined);
    assert.equal(verdict.threshold, 0.85);
    return verdict.why ?? 'accepted';
  };
  const rows: readonly (readonly [Parameters<typeof why>[0], ReturnType<typeof why>])[] = [
    [{ raw: 0.85 }, 'accepted'],
    [{ raw: 1 }, 'accepted'],
    [{ raw: 0.8499 }, 'confidence'],
    [{ raw: 0 }, 'confidence'],
    [{}, 'unreadable'],
    [{ raw: 1, formOk: false }, 'schema'],
    [{ raw: 1, formOk: false, schema: false }, 'accepted'],
    [{ raw: 0, formOk: false }, 'schema'],
    [{ raw: 1, finish: 'stop-sequence' }, 'accepted'],
    [{ raw: 1, finish: 'tool' }, 'accepted'],
    [{ raw: 1, finish: 'length' }, 'unfinished'],
    [{ raw: 1, finish: 'context' }, 'unfinished'],
    [{ raw: 1, finish: 'filter' }, 'unfinished'],
    [{ raw: 1, finish: 'refusal' }, 'unfinished'],
    [{ raw: 1, finish: 'pause' }, 'unfinished'],
    [{ raw: 1, finish: 'other' }, 'unfinished'],
    [{ raw: 1, finish: 'length', formOk: false }, 'unfinished'],
    [{ finish: 'length' }, 'unfinished'],
  ];
  for (const [of, expected] of rows)
    test(`${JSON.stringify(of)}: ${expected}`, () => assert.equal(why(of), expected));

  test('is held to a fixed threshold by what its confidence is worth, to a learnt one by the score that it was learnt on', () => {
    const overconfident = calibrate(
      Array.from({ length: 100 }, (_, index) => ({ raw: 0.9, agreed: index % 2 === 0 })),
    );
    const judged = { raw: 0.9, formOk: true, finish: 'end' as const };
    const fixed = judgeAnswer(cascadeOf(), 0.85, overconfident, judged);
    assert.equal(fixed.why, 'confidence');
    assert.equal(fixed.confidence, 0.5);
    assert.equal(fixed.raw, 0.9);
    const auto = cascadeOf({ accept: { kind: 'auto', regret: 0.02, risk: 0.1, first: 0.85 } });
    assert.equal(judgeAnswer(auto, 0.85, overconfident, judged).accepted, true);
    const share = cascadeOf({ accept: { kind: 'spend-share', share: 0.3, first: 0.85 } });
    assert.equal(judgeAnswer(share, 0.85, overconfident, judged).accepted, true);
  });
});

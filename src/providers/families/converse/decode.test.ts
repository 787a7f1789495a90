import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, createFold } from '../../../core/answer.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { createConverseCodec } from './codec.ts';
import { claude, nova, oldClaude } from './fixtures/requests.ts';

function read(content: readonly object[], more: object = {}, model: ModelInfo = claude): Answer {
  const fold = createFold();
  createConverseCodec(model, { errorRows: [], now: () => 0 }).readAnswer(
    {
      metrics: { latencyMs: 5 },
      output: { message: { role: 'assistant', content } },
      stopReason: 'end_turn',
      usage: { inputTokens: 9, outputTokens: 4, totalTokens: 13 },
      ...more,
    },
    fold.add,
  );
  return fold.answer();
}

const blocksOf = (content: readonly object[], model?: ModelInfo) =>
  read(content, {}, model).choices[0]?.blocks;

describe('blocks', () => {
  const table: readonly (readonly [string, object, object])[] = [
    ['text', { text: 'Pier 7.' }, { type: 'text', text: 'Pier 7.' }],
    [
      'a call',
      { toolUse: { toolUseId: 't1', name: 'tide', input: { at: 'noon' } } },
      { type: 'tool-call', kind: 'function', id: 't1', name: 'tide', arguments: '{"at":"noon"}' },
    ],
    [
      'a call without arguments',
      { toolUse: { toolUseId: 't1', name: 'tide', input: {} } },
      { type: 'tool-call', kind: 'function', id: 't1', name: 'tide', arguments: '' },
    ],
    [
      'signed thinking',
      { reasoningContent: { reasoningText: { text: 'Hm.', signature: 'c2ln' } } },
      { type: 'reasoning', text: 'Hm.', carry: { family: 'anthropic', payload: 'c2ln' } },
    ],
    [
      'thinking without a signature',
      { reasoningContent: { reasoningText: { text: 'Hm.' } } },
      { type: 'reasoning', text: 'Hm.' },
    ],
    [
      'encrypted thinking',
      { reasoningContent: { redactedContent: 'aGlkZGVu' } },
      { type: 'reasoning', text: '', redacted: true, carry: { family: 'anthropic', payload: 'hidden' } },
    ],
    [
      'cited text',
      { citationsContent: { content: [{ text: 'Pier ' }, { text: '7' }], citations: [{ title: 'Log' }] } },
      { type: 'text', text: 'Pier 7', citations: [{ title: 'Log' }] },
    ],
    [
      'an image',
      { image: { format: 'png', source: { bytes: 'AAAA' } } },
      { type: 'image', source: { kind: 'base64', mimeType: 'image/png', data: 'AAAA' } },
    ],
  ];
  for (const [name, wire, block] of table) {
    test(name, () => assert.deepEqual(blocksOf([wire]), [block]));
  }

  test('carries of other models are Converse’s own', () => {
    const [block] =
      blocksOf([{ reasoningContent: { reasoningText: { text: 'Hm.', signature: 's' } } }], nova) ?? [];
    assert.deepEqual(block, { type: 'reasoning', text: 'Hm.', carry: { family: 'converse', payload: 's' } });
  });

  test('unknown kinds and empty text are passed over', () => {
    assert.deepEqual(blocksOf([{ text: '' }, { kindOfTomorrow: {} }, { text: 'x' }]), [
      { type: 'text', text: 'x' },
    ]);
  });

  test('the forced tool’s input is the answer’s text', () => {
    const answer = read(
      [{ toolUse: { toolUseId: 't1', name: 'json_answer', input: { pier: 7 } } }],
      { stopReason: 'tool_use' },
      oldClaude,
    );
    assert.deepEqual(answer.choices[0], {
      blocks: [{ type: 'text', text: '{"pier":7}' }],
      stop: { kind: 'end', raw: 'tool_use' },
    });
  });
});

describe('usage', () => {
  test('cached tokens are counted in, whichever names they have', () => {
    const usage = { inputTokens: 11, outputTokens: 5, totalTokens: 1344 };
    const expected = { inputTokens: 1339, cacheReadTokens: 1028, cacheWriteTokens: 300, outputTokens: 5 };
    assert.deepEqual(
      read([], { usage: { ...usage, cacheReadInputTokens: 1028, cacheWriteInputTokens: 300 } }).usage,
      expected,
    );
    assert.deepEqual(
      read([], {
        usage: {
          ...usage,
          cacheReadInputTokenCount: 1028,
          cacheReadInputTokens: 1028,
          cacheWriteInputTokenCount: 300,
        },
      }).usage,
      expected,
    );
  });

  test('absent usage stays absent', () => assert.equal(read([], { usage: undefined }).usage, undefined));

  test('the tier that served is told', () => {
    assert.equal(read([], { serviceTier: { type: 'flex' } }).usage?.serviceTier, 'flex');
  });
});

describe('answers that cannot be taken', () => {
  for (const stopReason of ['malformed_model_output', 'malformed_tool_use']) {
    test(`${stopReason} is an error and no clean end`, () => {
      assert.throws(() => read([{ text: 'x' }], { stopReason }), {
        code: 'upstream_malformed',
        upstream: { status: 200, type: stopReason },
      });
    });
  }

  for (const body of [undefined, null, 'pier', [], {}, { output: {} }, { output: { message: 'x' } }]) {
    test(`${JSON.stringify(body)} is malformed`, () => {
      const codec = createConverseCodec(claude, { errorRows: [], now: () => 0 });
      assert.throws(() => codec.readAnswer(body, () => undefined), { code: 'upstream_malformed' });
    });
  }
});

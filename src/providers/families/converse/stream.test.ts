import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, createFold } from '../../../core/answer.ts';
import type { GatewayError } from '../../../core/errors.ts';
import type { StreamEvent } from '../../../core/event.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { writeAwsException, writeAwsFrame } from '../../../wire/aws-event-stream.ts';
import { createConverseCodec } from './codec.ts';
import { claude, frames, gptOss, nova, oldClaude } from './fixtures/requests.ts';
import { createConverseFrameDecoder } from './stream.ts';

const codec = (model: ModelInfo) => createConverseCodec(model, { errorRows: [], now: () => 0 });

function eventsOf(pieces: readonly Uint8Array[], model: ModelInfo = claude): readonly StreamEvent[] {
  const events: StreamEvent[] = [];
  const reader = codec(model).openStream();
  for (const piece of pieces) reader.push(piece, (event) => events.push(event));
  reader.finish((event) => events.push(event));
  return events;
}

function foldOf(pieces: readonly Uint8Array[], model: ModelInfo = claude): Answer {
  const fold = createFold();
  for (const event of eventsOf(pieces, model)) fold.add(event);
  return fold.answer();
}

function failureOf(pieces: readonly Uint8Array[], model: ModelInfo = claude): GatewayError {
  const events = eventsOf(pieces, model);
  const last = events.at(-1);
  assert.ok(last?.type === 'error', `ended with ${last?.type}`);
  assert.equal(events.filter((event) => event.type === 'end' || event.type === 'error').length, 1);
  return last.error;
}

describe('streams', () => {
  test('thinking, text, calls, usage and tier', () => {
    assert.deepEqual(foldOf(frames('stream-thinking-tool')), {
      id: '',
      model: claude.id,
      choices: [
        {
          blocks: [
            {
              type: 'reasoning',
              text: 'Which pier — ask the harbour.',
              carry: { family: 'anthropic', payload: 'c2lnbmVkLWJ5LXRoZS1oYXJib3Vy' },
            },
            { type: 'text', text: 'I ask for both.' },
            {
              type: 'tool-call',
              kind: 'function',
              id: 'tooluse_Aq1',
              name: 'find_pier',
              arguments: '{"ship": "Ærø"}',
            },
            { type: 'tool-call', kind: 'function', id: 'tooluse_Bq2', name: 'tide', arguments: '' },
          ],
          stop: { kind: 'tool', raw: 'tool_use' },
        },
      ],
      usage: {
        inputTokens: 1131,
        cacheReadTokens: 1000,
        cacheWriteTokens: 120,
        cacheWrite5mTokens: 20,
        cacheWrite1hTokens: 100,
        outputTokens: 64,
        serviceTier: 'flex',
      },
    });
  });

  test('encrypted thinking in pieces, a block that is only signed, the stop sequence', () => {
    const [choice] = foldOf(frames('stream-redacted')).choices;
    assert.deepEqual(choice, {
      blocks: [
        {
          type: 'reasoning',
          text: '',
          redacted: true,
          carry: { family: 'anthropic', payload: 'hidden-thought' },
        },
        { type: 'reasoning', text: '', carry: { family: 'anthropic', payload: 'b25seS1zaWduZWQ=' } },
        { type: 'text', text: 'Pier 7.' },
      ],
      stop: { kind: 'stop-sequence', raw: 'stop_sequence', sequence: 'END' },
    });
  });

  test('a block that never says anything is no block, and indexes stay without gaps', () => {
    const events = eventsOf(frames('stream-empty-deltas'), gptOss);
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'block-start' ? [[event.index, event.block.type]] : [])),
      [
        [0, 'reasoning'],
        [1, 'text'],
      ],
    );
    assert.ok(!events.some((event) => event.type === 'block-delta' && event.text === ''));
    const citations = events.filter((event) => event.type === 'block-citation');
    assert.equal(citations.length, 1);
  });

  test('the end waits for usage, which comes after the stop', () => {
    const types = eventsOf(frames('stream-thinking-tool')).map((event) => event.type);
    assert.deepEqual(types.slice(-3), ['usage', 'stop', 'end']);
  });

  test('a clean close after the stop is an end without usage', () => {
    const answer = foldOf(frames('stream-thinking-tool').slice(0, -1));
    assert.equal(answer.usage, undefined);
    assert.equal(answer.choices[0]?.stop.kind, 'tool');
  });
});

test('the forced tool’s arguments are the answer’s text', () => {
  const pieces = [
    writeAwsFrame('messageStart', { role: 'assistant' }),
    writeAwsFrame('contentBlockStart', {
      contentBlockIndex: 0,
      start: { toolUse: { name: 'json_answer', toolUseId: 't1' } },
    }),
    writeAwsFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { toolUse: { input: '{"pier":' } } }),
    writeAwsFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { toolUse: { input: '7}' } } }),
    writeAwsFrame('contentBlockStop', { contentBlockIndex: 0 }),
    writeAwsFrame('messageStop', { stopReason: 'tool_use' }),
  ];
  assert.deepEqual(foldOf(pieces, oldClaude).choices, [
    { blocks: [{ type: 'text', text: '{"pier":7}' }], stop: { kind: 'end', raw: 'tool_use' } },
  ]);
  assert.equal(foldOf(pieces, claude).choices[0]?.stop.kind, 'tool');
});

describe('cuts', () => {
  for (const name of ['stream-thinking-tool', 'stream-redacted', 'stream-empty-deltas']) {
    test(`${name} cut at every byte folds the same`, () => {
      const bytes = Buffer.concat(frames(name));
      const whole = foldOf([bytes]);
      for (let at = 1; at < bytes.length; at++)
        assert.deepEqual(foldOf([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
    });

    test(`${name} ended after any frame before the stop is an error`, () => {
      const all = frames(name);
      for (let count = 0; count < all.length - 2; count++)
        assert.equal(failureOf(all.slice(0, count)).code, 'upstream_truncated', `after ${count} frames`);
    });
  }

  test('a corrupted checksum is an error', () => {
    const bytes = Buffer.concat(frames('stream-empty-deltas'));
    const at = bytes.indexOf('Ahoy');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    assert.throws(() => eventsOf([bytes]), { code: 'upstream_malformed' });
  });
});

describe('failures inside a stream', () => {
  const start = writeAwsFrame('messageStart', { role: 'assistant' });
  const text = writeAwsFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Pier' } });
  const table: readonly (readonly [string, string, string])[] = [
    ['throttlingException', 'Too many requests, please wait before trying again.', 'rate_limited'],
    ['serviceUnavailableException', 'Bedrock is unable to process your request.', 'upstream_overloaded'],
    ['modelStreamErrorException', 'The model failed.', 'upstream_fault'],
    ['internalServerException', 'An unexpected error.', 'upstream_fault'],
    ['modelTimeoutException', 'The model took too long.', 'upstream_timeout'],
    ['validationException', 'The request is not valid.', 'invalid_request'],
    ['somethingNew', 'What is this?', 'upstream_fault'],
  ];
  for (const [name, message, code] of table) {
    test(`${name} is ${code}`, () => {
      const error = failureOf([start, text, writeAwsException(name, { message })]);
      assert.equal(error.code, code);
      assert.equal(error.message, message);
    });
  }

  test('an exception as the first frame is an error and nothing else', () => {
    assert.deepEqual(
      eventsOf([writeAwsException('throttlingException', {})]).map((event) => event.type),
      ['error'],
    );
  });

  test('a malformed call is an error, told after its usage', () => {
    const pieces = [
      start,
      text,
      writeAwsFrame('messageStop', { stopReason: 'malformed_tool_use' }),
      writeAwsFrame('metadata', { usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 } }),
    ];
    assert.equal(failureOf(pieces).code, 'upstream_malformed');
    assert.ok(eventsOf(pieces).some((event) => event.type === 'usage'));
    assert.equal(failureOf(pieces.slice(0, -1)).code, 'upstream_malformed');
  });

  test('a frame that is not JSON is malformed', () => {
    const decoder = createConverseFrameDecoder({ model: 'm', family: 'converse' });
    assert.throws(() => decoder.frame({ name: 'contentBlockDelta', data: 'pier' }, () => undefined), {
      code: 'upstream_malformed',
    });
  });
});

describe('stops', () => {
  const table: readonly (readonly [string, string])[] = [
    ['end_turn', 'end'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'context'],
    ['guardrail_intervened', 'filter'],
    ['content_filtered', 'filter'],
    ['a_word_of_tomorrow', 'other'],
    ['tool_use', 'end'],
  ];
  for (const [raw, kind] of table) {
    test(`${raw} without a call is ${kind}`, () => {
      const pieces = [
        writeAwsFrame('messageStart', { role: 'assistant' }),
        writeAwsFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'x' } }),
        writeAwsFrame('messageStop', { stopReason: raw }),
      ];
      assert.deepEqual(foldOf(pieces).choices[0]?.stop, { kind, raw });
    });
  }

  test('a call that ends with end_turn is a tool stop', () => {
    const pieces = [
      writeAwsFrame('messageStart', { role: 'assistant' }),
      writeAwsFrame('contentBlockStart', {
        contentBlockIndex: 0,
        start: { toolUse: { name: 'tide', toolUseId: 't1' } },
      }),
      writeAwsFrame('messageStop', { stopReason: 'end_turn' }),
    ];
    const answer = foldOf(pieces, nova);
    assert.equal(answer.choices[0]?.stop.kind, 'tool');
    assert.equal(answer.choices[0]?.blocks.length, 1);
  });
});

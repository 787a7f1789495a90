import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Answer, createFold } from '../../../core/answer.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { StreamEvent } from '../../../core/event.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { type AnthropicCodec, createAnthropicCodec, createAnthropicFrameDecoder } from './codec.ts';
import { claude, direct } from './fixtures/requests.ts';

const codec = (model: Partial<ModelInfo> = {}): AnthropicCodec => createAnthropicCodec(claude(model), direct);
const fixture = (name: string): Buffer => readFileSync(new URL(`./fixtures/${name}.sse`, import.meta.url));

function foldPieces(pieces: readonly Uint8Array[], model: Partial<ModelInfo> = {}): Answer | GatewayError {
  const fold = createFold();
  const reader = codec(model).openStream();
  try {
    for (const piece of pieces) reader.push(piece, fold.add);
    reader.finish(fold.add);
    return fold.answer();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
}

function answerOf(name: string, model: Partial<ModelInfo> = {}): Answer {
  const answer = foldPieces([fixture(name)], model);
  if (answer instanceof Error) throw answer;
  return answer;
}

function failureOf(answer: Answer | GatewayError): GatewayError {
  assert.ok(answer instanceof GatewayError);
  return answer;
}

function readWhole(body: unknown, model: Partial<ModelInfo> = {}): Answer {
  const fold = createFold();
  codec(model).readAnswer(body, fold.add);
  return fold.answer();
}

const anthropic = (payload: string) => ({ family: 'anthropic', payload }) as const;
const crane = { type: 'tool-call', kind: 'function', name: 'find_crane' } as const;

describe('streams', () => {
  test('text, with what follows the end ignored and the tier kept', () => {
    assert.deepEqual(answerOf('stream-text'), {
      id: 'msg_fixture1',
      model: 'claude-haiku-4-5-20251001',
      choices: [
        { blocks: [{ type: 'text', text: 'Grüße vom Kai 4 🚢\n' }], stop: { kind: 'end', raw: 'end_turn' } },
      ],
      usage: {
        inputTokens: 12,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        outputTokens: 9,
        serviceTier: 'standard',
      },
    });
  });

  test('thinking with a signature each, parallel calls, one without arguments; usage corrected at the end', () => {
    const { choices, usage } = answerOf('stream-thinking-tools');
    assert.deepEqual(choices[0]?.blocks, [
      { type: 'reasoning', text: 'Two cranes are free.', carry: anthropic('c2lnbmF0dXJlLW9uZQ==') },
      { type: 'reasoning', text: '', carry: anthropic('cmVkYWN0ZWQ='), redacted: true },
      { type: 'reasoning', text: '', carry: anthropic('c2lnbmF0dXJlLXR3bw==') },
      { type: 'text', text: 'Asking both.' },
      { ...crane, id: 'toolu_fx_a', arguments: '{"pier": 4, "name": "Zoë"}' },
      { ...crane, id: 'toolu_fx_b', name: 'list_cranes', arguments: '' },
    ]);
    assert.deepEqual(choices[0]?.stop, { kind: 'tool', raw: 'tool_use' });
    assert.deepEqual(usage, {
      inputTokens: 21 + 300 + 100,
      cacheReadTokens: 300,
      cacheWriteTokens: 100,
      cacheWrite5mTokens: 60,
      cacheWrite1hTokens: 40,
      outputTokens: 88,
      reasoningTokens: 30,
    });
  });

  test('server tools are put together whole, in their place', () => {
    const { choices } = answerOf('stream-server-tool');
    assert.deepEqual(
      choices[0]?.blocks.map((block) => (block.type === 'opaque' ? block.raw : block)),
      [
        { type: 'server_tool_use', id: 'srvtoolu_fx', name: 'web_search', input: { query: 'tide' } },
        {
          type: 'web_search_tool_result',
          tool_use_id: 'srvtoolu_fx',
          content: [
            {
              type: 'web_search_result',
              url: 'https://tides.example',
              title: 'Tides',
              encrypted_content: 'eA==',
            },
          ],
        },
        {
          type: 'text',
          text: 'High tide at six.',
          citations: [
            {
              type: 'web_search_result_location',
              url: 'https://tides.example',
              title: 'Tides',
              encrypted_index: 'eQ==',
              cited_text: 'six',
            },
          ],
        },
      ],
    );
    assert.equal(choices[0]?.stop.kind, 'pause');
  });

  test('a second start begins nothing new, and unknown events say nothing', () => {
    const answer = answerOf('stream-spliced');
    assert.equal(answer.id, 'msg_fixture1');
    assert.deepEqual(answer.choices[0], {
      blocks: [
        { ...crane, id: 'toolu_fx_1', arguments: '{"pi' },
        { type: 'text', text: 'Cut anew.' },
      ],
      stop: { kind: 'stop-sequence', raw: 'stop_sequence', sequence: 'END' },
    });
    assert.equal(answer.usage?.inputTokens, 8);
  });

  test('the forced tool of structured output is text again, where the model has no schema of its own', () => {
    assert.deepEqual(answerOf('stream-json-answer', { nativeSchema: false }).choices, [
      { blocks: [{ type: 'text', text: '{"tons":12}' }], stop: { kind: 'end', raw: 'tool_use' } },
    ]);
    assert.equal(answerOf('stream-json-answer').choices[0]?.stop.kind, 'tool');
  });

  test('an error in the middle is the answer’s error, and a cut is never an end', () => {
    const failure = failureOf(foldPieces([fixture('stream-error')]));
    assert.equal(failure.code, 'upstream_overloaded');
    assert.deepEqual(failure.upstream, { status: 529, type: 'overloaded_error', requestId: 'req_fx' });
    const events = fixture('stream-thinking-tools').toString().split('\n\n').slice(0, -2);
    for (let count = 0; count < events.length; count++) {
      const cut = foldPieces([Buffer.from(`${events.slice(0, count).join('\n\n')}\n\n`)]);
      assert.equal(failureOf(cut).code, 'upstream_truncated', `after ${count} events`);
    }
  });

  for (const name of [
    'stream-text',
    'stream-thinking-tools',
    'stream-server-tool',
    'stream-spliced',
    'stream-json-answer',
    'stream-error',
  ]) {
    test(`${name} folds the same wherever it is cut, with any line ending`, () => {
      const bytes = fixture(name);
      const whole = foldPieces([bytes]);
      for (let at = 0; at <= bytes.length; at++)
        assert.deepEqual(foldPieces([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
      const single = Array.from(bytes, (byte) => Buffer.from([byte]));
      assert.deepEqual(foldPieces(single), whole);
      for (const ending of ['\r\n', '\r'])
        assert.deepEqual(foldPieces([Buffer.from(bytes.toString().replaceAll('\n', ending))]), whole);
    });
  }
});

describe('single frames', () => {
  const read = (...frames: readonly (readonly [name: string, data: unknown])[]): readonly StreamEvent[] => {
    const seen: StreamEvent[] = [];
    const decoder = createAnthropicFrameDecoder(claude());
    for (const [name, data] of frames)
      decoder.frame({ name, data: JSON.stringify(data) }, (event) => seen.push(event));
    return seen;
  };

  test('a whole input that comes with the start stands, unless deltas follow', () => {
    const start = {
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'tool_use', id: 'x', name: 'find_crane', input: { pier: 4 } },
    };
    const textOf = (events: readonly StreamEvent[]) =>
      events.map((event) => (event.type === 'block-delta' ? event.text : '')).join('');
    const stop = { type: 'content_block_stop', index: 0 };
    assert.equal(textOf(read(['', start], ['', stop])), '{"pier":4}');
    const delta = {
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json: '{"pier":5}' },
    };
    assert.equal(textOf(read(['', start], ['', delta], ['', stop])), '{"pier":5}');
  });

  test('a delta of another kind than its block, or of no block, is left out', () => {
    const events = read(
      ['', { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }],
      ['', { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'x' } }],
      ['', { type: 'content_block_delta', index: 7, delta: { type: 'text_delta', text: 'x' } }],
      ['', { type: 'content_block_delta', index: 0, delta: { type: 'later_delta', text: 'x' } }],
    );
    assert.deepEqual(events, [{ type: 'block-start', index: 0, block: { type: 'text' } }]);
  });

  test('errors without their own event, and in Google’s array, are errors', () => {
    for (const data of [
      { error: { type: 'overloaded_error', message: 'Busy' } },
      [{ error: { code: 503, message: 'Busy', status: 'UNAVAILABLE' } }],
    ]) {
      const [event] = read(['', data]);
      assert.equal(event?.type, 'error');
    }
  });

  test('what is not JSON, or no object, is malformed', () => {
    const decoder = createAnthropicFrameDecoder(claude());
    for (const data of ['{', '"text"', '[]'])
      assert.throws(
        () => decoder.frame({ name: 'message_start', data }, () => {}),
        (thrown: unknown) => thrown instanceof GatewayError && thrown.code === 'upstream_malformed',
      );
  });

  test('a block without end is malformed', () => {
    const decoder = createAnthropicFrameDecoder(claude());
    const frame = (data: unknown) => decoder.frame({ name: '', data: JSON.stringify(data) }, () => {});
    frame({ type: 'content_block_start', index: 0, content_block: { type: 'compaction', content: '' } });
    const delta = { type: 'compaction_delta', content: 'x'.repeat(9 * 1024 * 1024) };
    frame({ type: 'content_block_delta', index: 0, delta });
    assert.throws(() => frame({ type: 'content_block_delta', index: 0, delta }), /without end/);
  });
});

describe('whole answers', () => {
  const message = (content: readonly object[], more: object = {}): object => ({
    id: 'msg_fixture2',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 2 },
    ...more,
  });

  test('fold to the same as their streams', () => {
    const whole = readWhole(
      message(
        [
          { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
          { type: 'redacted_thinking', data: 'cmVk' },
          { type: 'text', text: 'Four.', citations: [{ type: 'char_location', cited_text: 'f' }] },
          { type: 'tool_use', id: 'a', name: 'find_crane', input: {} },
          { type: 'tool_use', id: 'b', name: 'find_crane', input: { pier: 4 } },
          { type: 'server_tool_use', id: 'c', name: 'web_search', input: { query: 'x' } },
        ],
        { stop_reason: 'tool_use' },
      ),
    );
    assert.deepEqual(whole.choices[0]?.blocks, [
      { type: 'reasoning', text: 'Hm.', carry: anthropic('c2ln') },
      { type: 'reasoning', text: '', carry: anthropic('cmVk'), redacted: true },
      { type: 'text', text: 'Four.', citations: [{ type: 'char_location', cited_text: 'f' }] },
      { ...crane, id: 'a', arguments: '' },
      { ...crane, id: 'b', arguments: '{"pier":4}' },
      {
        type: 'opaque',
        protocol: 'anthropic-messages',
        raw: { type: 'server_tool_use', id: 'c', name: 'web_search', input: { query: 'x' } },
      },
    ]);
  });

  const stops: readonly [string, string][] = [
    ['end_turn', 'end'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'context'],
    ['stop_sequence', 'stop-sequence'],
    ['tool_use', 'tool'],
    ['refusal', 'refusal'],
    ['pause_turn', 'pause'],
    ['compaction', 'pause'],
    ['something_new', 'other'],
  ];
  for (const [word, kind] of stops) {
    test(`stop because of ${word}`, () => {
      const { choices } = readWhole(message([], { stop_reason: word }));
      assert.equal(choices[0]?.stop.kind, kind);
      assert.equal(choices[0]?.stop.raw, word);
    });
  }

  test('an empty forced answer is an empty object', () => {
    const tool = { type: 'tool_use', id: 'a', name: 'json_answer', input: {} };
    const { choices } = readWhole(message([tool], { stop_reason: 'tool_use' }), { nativeSchema: false });
    assert.deepEqual(choices[0], {
      blocks: [{ type: 'text', text: '{}' }],
      stop: { kind: 'end', raw: 'tool_use' },
    });
  });

  test('cache writes are summed where only their lifetimes are told', () => {
    const usage = { input_tokens: 1, output_tokens: 1, cache_creation: { ephemeral_1h_input_tokens: 5 } };
    assert.deepEqual(readWhole(message([], { usage })).usage, {
      inputTokens: 6,
      cacheWriteTokens: 5,
      cacheWrite1hTokens: 5,
      outputTokens: 1,
    });
    assert.equal(readWhole(message([], { usage: null })).usage, undefined);
  });

  test('what is no message is malformed; an error inside a 200 is that error', () => {
    const code = (body: unknown): string => {
      try {
        readWhole(body);
      } catch (thrown) {
        if (thrown instanceof GatewayError) return thrown.code;
      }
      return 'none';
    };
    assert.equal(code([]), 'upstream_malformed');
    assert.equal(code({ type: 'message' }), 'upstream_malformed');
    assert.equal(
      code({ type: 'error', error: { type: 'overloaded_error', message: 'Busy' } }),
      'upstream_overloaded',
    );
  });
});

describe('relay', () => {
  const relay = (name: string): { text: string; events: StreamEvent[] } => {
    const events: StreamEvent[] = [];
    const opened = codec().openRelay({ stream: true, streamUsage: true, headers: {} });
    const emit = (event: StreamEvent) => events.push(event);
    const chunks = [opened.push(fixture(name), emit), opened.finish(emit)];
    return { text: chunks.map((chunk) => Buffer.from(chunk ?? '').toString()).join(''), events };
  };

  test('forwards the bytes, up to the end', () => {
    const { text, events } = relay('stream-text');
    const whole = fixture('stream-text').toString();
    assert.equal(
      text,
      whole.slice(0, whole.indexOf('event: content_block_delta', whole.indexOf('message_stop'))),
    );
    assert.equal(events.at(-1)?.type, 'end');
  });

  test('keeps back a second start and Vertex’s own events, and lets unknown ones pass', () => {
    const { text } = relay('stream-spliced');
    assert.equal(text.match(/event: message_start/g)?.length, 1);
    assert.equal(text.includes('vertex_event'), false);
    assert.ok(text.includes('later_kind'));
  });

  test('keeps an error back, for the caller’s own dialect to say', () => {
    const { text, events } = relay('stream-error');
    assert.equal(text.includes('overloaded_error'), false);
    assert.equal(events.at(-1)?.type, 'error');
  });
});

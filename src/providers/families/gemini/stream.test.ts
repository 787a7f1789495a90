import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Answer, createFold } from '../../../core/answer.ts';
import type { GatewayError } from '../../../core/errors.ts';
import type { StreamEvent } from '../../../core/event.ts';
import { createGeminiCodec, type GeminiCodec } from './codec.ts';
import { chatRequest, geminiModel } from './fixtures/requests.ts';

function codec(): GeminiCodec {
  let made = 0;
  return createGeminiCodec(geminiModel('gemini-3-flash-preview'), {
    errorRows: [],
    now: () => 0,
    makeId: (prefix) => `${prefix}${made++}`,
  });
}

const fixture = (name: string): Buffer => readFileSync(new URL(`./fixtures/${name}.sse`, import.meta.url));

function foldPieces(pieces: readonly Uint8Array[]): Answer | GatewayError {
  const fold = createFold();
  const reader = codec().openStream();
  try {
    for (const piece of pieces) reader.push(piece, fold.add);
    reader.finish(fold.add);
    return fold.answer();
  } catch (thrown) {
    // The reader and the fold throw nothing else.
    return thrown as GatewayError;
  }
}

function answerOf(name: string): Answer {
  const answer = foldPieces([fixture(name)]);
  if (answer instanceof Error) throw answer;
  return answer;
}

/** A whole answer, read as events and folded. */
function readWhole(body: unknown): Answer {
  const fold = createFold();
  codec().readAnswer(body, fold.add);
  return fold.answer();
}

const candidate = (parts: readonly object[], finishReason = 'STOP', more: object = {}): object => ({
  responseId: 'r1',
  modelVersion: 'gemini-2.5-flash',
  candidates: [{ content: { role: 'model', parts }, finishReason, ...more }],
});

const streams = [
  'stream-thinking',
  'stream-tools',
  'stream-partial-arguments',
  'stream-candidates',
  'stream-blocked',
] as const;

describe('a streamed answer', () => {
  test('thoughts, text and a signature that comes alone at the end', () => {
    assert.deepEqual(answerOf('stream-thinking'), {
      id: 'harbour-7',
      model: 'gemini-3-flash-preview',
      createdAtS: 1_793_608_215,
      choices: [
        {
          blocks: [
            { type: 'reasoning', text: '**Ebb**\n\nCounting tides twice. ' },
            {
              type: 'text',
              text: 'Høyvann kl. 🌊 06:12',
              carry: { family: 'gemini', payload: 'c2lnLXRpZGU=' },
            },
          ],
          stop: { kind: 'end', raw: 'STOP' },
        },
      ],
      usage: {
        inputTokens: 21,
        cacheReadTokens: 8,
        outputTokens: 26,
        reasoningTokens: 17,
        serviceTier: 'ON_DEMAND',
      },
    });
  });

  test('parallel calls: a signature on the first alone, ids made where there are none, STOP read as tool', () => {
    const [choice] = answerOf('stream-tools').choices;
    assert.deepEqual(choice?.blocks, [
      { type: 'text', text: 'Two piers.' },
      {
        type: 'tool-call',
        id: 'call_0',
        name: 'tide',
        kind: 'function',
        arguments: '{"pier":"A"}',
        carry: { family: 'gemini', payload: 'c2lnLWE=' },
      },
      { type: 'tool-call', id: 'call_b', name: 'tide', kind: 'function', arguments: '{"pier":"B"}' },
      { type: 'tool-call', id: 'call_1', name: 'now', kind: 'function', arguments: '{}' },
    ]);
    assert.deepEqual(choice?.stop, { kind: 'tool', raw: 'STOP' });
  });

  test('arguments in pieces are rebuilt, also where the closing piece is missing', () => {
    const blocks = answerOf('stream-partial-arguments').choices[0]?.blocks ?? [];
    assert.deepEqual(
      blocks.map((block) => (block.type === 'tool-call' ? JSON.parse(block.arguments) : undefined)),
      [
        { crates: [{ label: 'tea' }, { kg: 12.5 }], 'dry goods': true, note: null },
        { crates: [{ label: 'rope' }] },
      ],
    );
  });

  test('two candidates', () => {
    const { choices } = answerOf('stream-candidates');
    assert.deepEqual(
      choices.map(({ blocks, stop }) => [blocks[0]?.type === 'text' ? blocks[0].text : '', stop.kind]),
      [
        ['red buoy', 'end'],
        ['green', 'length'],
      ],
    );
  });

  test('a refused prompt is a filter stop', () => {
    const answer = answerOf('stream-blocked');
    assert.deepEqual(answer.choices, [{ blocks: [], stop: { kind: 'filter', raw: 'PROHIBITED_CONTENT' } }]);
    assert.deepEqual(answer.usage, { inputTokens: 12, outputTokens: 0 });
  });

  test('a bare JSON error after good events is that error', () => {
    const error = foldPieces([fixture('stream-error-bare')]);
    assert.ok(error instanceof Error);
    assert.equal(error.code, 'upstream_overloaded');
  });

  for (const name of [...streams, 'stream-error-bare'] as const) {
    test(`${name}: every cut of the bytes folds the same`, () => {
      const bytes = fixture(name);
      const whole = foldPieces([bytes]);
      for (let at = 1; at < bytes.length; at++)
        assert.deepEqual(foldPieces([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at byte ${at}`);
      assert.deepEqual(foldPieces(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
    });

    test(`${name}: the same as a JSON array, whatever its cuts`, () => {
      const events = fixture(name).toString('utf8').trim().split('\r\n\r\n');
      const array = Buffer.from(
        `[${events.map((event) => event.replace(/^data: /, '')).join('\n,\r\n')}\n]\n`,
      );
      const whole = foldPieces([fixture(name)]);
      for (let at = 1; at < array.length; at += 7)
        assert.deepEqual(foldPieces([array.subarray(0, at), array.subarray(at)]), whole, `cut at byte ${at}`);
    });
  }

  for (const name of streams) {
    test(`${name}: cut short after any event but the last, it is truncated`, () => {
      const events = fixture(name).toString('utf8').trim().split('\r\n\r\n');
      for (let count = 0; count < events.length; count++) {
        const error = foldPieces([
          Buffer.from(
            events
              .slice(0, count)
              .map((event) => `${event}\r\n\r\n`)
              .join(''),
          ),
        ]);
        assert.ok(error instanceof Error, `clean end after ${count} events`);
        assert.equal(error.code, 'upstream_truncated');
      }
    });
  }

  test('blocks are numbered without gaps and each is closed', () => {
    for (const name of streams) {
      const events: StreamEvent[] = [];
      const reader = codec().openStream();
      reader.push(fixture(name), (event) => events.push(event));
      reader.finish((event) => events.push(event));
      const indexes = (type: 'block-start' | 'block-stop'): number[] =>
        events.flatMap((event) => (event.type === type ? [event.index] : [])).sort((a, b) => a - b);
      const started = indexes('block-start');
      assert.deepEqual(
        started,
        started.map((_, position) => position),
      );
      assert.deepEqual(indexes('block-stop'), started);
      assert.equal(events.at(-1)?.type, 'end');
    }
  });

  test('a chunk that is not JSON is malformed', () => {
    const error = foldPieces([Buffer.from('data: {"candidates": [\n\ndata: {}\n\n')]);
    assert.ok(error instanceof Error);
    assert.equal(error.code, 'upstream_malformed');
  });
});

describe('a whole answer', () => {
  const stops: readonly (readonly [string | number, string])[] = [
    ['STOP', 'end'],
    [1, 'end'],
    [2, 'length'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'filter'],
    ['RECITATION', 'filter'],
    ['BLOCKLIST', 'filter'],
    ['PROHIBITED_CONTENT', 'filter'],
    ['SPII', 'filter'],
    ['MODEL_ARMOR', 'filter'],
    ['LANGUAGE', 'filter'],
    ['IMAGE_SAFETY', 'filter'],
    ['OTHER', 'other'],
    ['SOMETHING_NEW', 'other'],
  ];
  for (const [raw, kind] of stops) {
    test(`${raw} is ${kind}`, () => {
      const body = { candidates: [{ content: { role: 'model' }, finishReason: raw }] };
      assert.equal(readWhole(body).choices[0]?.stop.kind, kind);
    });
  }

  for (const raw of [
    'MALFORMED_FUNCTION_CALL',
    'UNEXPECTED_TOOL_CALL',
    'TOO_MANY_TOOL_CALLS',
    'MALFORMED_RESPONSE',
  ]) {
    test(`${raw} is an error, and what the model wrote stays out of it`, () => {
      const body = candidate([], raw, { finishMessage: 'Malformed function call: print(secret_tide)' });
      assert.throws(
        () => readWhole(body),
        (error: GatewayError) =>
          error.code === 'upstream_malformed' &&
          error.retry === 'same' &&
          !error.message.includes('secret_tide'),
      );
    });
  }

  test('an error inside a success is that error', () => {
    assert.throws(() => readWhole({ error: { code: 503, status: 'UNAVAILABLE', message: 'x' } }), {
      code: 'upstream_overloaded',
    });
    assert.throws(() => readWhole([{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x' } }]), {
      code: 'rate_limited',
    });
  });

  test('an answer with nothing in it is malformed', () => {
    assert.throws(() => readWhole({ usageMetadata: { promptTokenCount: 3 } }), {
      code: 'upstream_malformed',
    });
    assert.throws(() => readWhole('text'), { code: 'upstream_malformed' });
  });

  test('usage: server tools count as input, thoughts as output, audio is told', () => {
    const body = {
      ...candidate([{ text: 'a' }]),
      usageMetadata: {
        promptTokenCount: 10,
        toolUsePromptTokenCount: 5,
        candidatesTokenCount: 3,
        thoughtsTokenCount: 4,
        totalTokenCount: 22,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 4 },
          { modality: 'AUDIO', tokenCount: 6 },
        ],
      },
    };
    assert.deepEqual(readWhole(body).usage, {
      inputTokens: 15,
      outputTokens: 7,
      reasoningTokens: 4,
      audioInputTokens: 6,
    });
  });

  test('a generated image is an image; a thought one is not shown; what Gemini alone knows is kept for it', () => {
    const { blocks } = readWhole(
      candidate([
        { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thought: true },
        { inlineData: { mimeType: 'image/png', data: 'iVBO' } },
        { executableCode: { language: 'PYTHON', code: '1' } },
      ]),
    ).choices[0] ?? { blocks: [] };
    assert.deepEqual(blocks, [
      { type: 'image', source: { kind: 'base64', mimeType: 'image/png', data: 'iVBO' } },
      { type: 'opaque', protocol: 'gemini', raw: { executableCode: { language: 'PYTHON', code: '1' } } },
    ]);
  });

  test('log probabilities; a certain token has none on the wire', () => {
    const logprobsResult = {
      chosenCandidates: [
        { token: 'ø', tokenId: 7 },
        { token: '!', logProbability: -0.5 },
      ],
      topCandidates: [
        { candidates: [{ token: 'ø' }, { token: 'o', logProbability: -9 }] },
        { candidates: [] },
      ],
    };
    const [choice] = readWhole(candidate([{ text: 'ø!' }], 'STOP', { logprobsResult })).choices;
    assert.deepEqual(choice?.logprobs, [
      {
        token: 'ø',
        logprob: 0,
        bytes: [195, 184],
        top: [
          { token: 'ø', logprob: 0, bytes: [195, 184] },
          { token: 'o', logprob: -9, bytes: [111] },
        ],
      },
      { token: '!', logprob: -0.5, bytes: [33], top: [] },
    ]);
  });

  test('a tool’s own name and kind come back', () => {
    const endpoint = codec();
    const { body } = endpoint.encode(
      chatRequest({
        tools: [
          { kind: 'function', name: '1st pier', parameters: { type: 'object', properties: { a: {} } } },
          { kind: 'custom', name: 'shell' },
        ],
      }),
    );
    const declared =
      JSON.stringify(body)
        .match(/"name":"([^"]+)"/g)
        ?.map((text) => text.slice(8, -1)) ?? [];
    const fold = createFold();
    endpoint.readAnswer(
      candidate([
        { functionCall: { name: declared[0], args: { a: 1 } } },
        { functionCall: { name: declared[1], args: { input: 'ls\n-l' } } },
      ]),
      fold.add,
    );
    const calls = fold
      .answer()
      .choices[0]?.blocks.map((block) =>
        block.type === 'tool-call' ? [block.name, block.kind, block.arguments] : [],
      );
    assert.deepEqual(calls, [
      ['1st pier', 'function', '{"a":1}'],
      ['shell', 'custom', 'ls\n-l'],
    ]);
  });

  test('a hostile path in streamed arguments is malformed, and __proto__ is a name like any other', () => {
    const call = (jsonPath: string): object =>
      candidate([{ functionCall: { name: 'load', partialArgs: [{ jsonPath, stringValue: 'x' }] } }]);
    for (const path of ['$.a[99999999]', '$', '$.a[', `$${'.a'.repeat(100)}`])
      assert.throws(() => readWhole(call(path)), { code: 'upstream_malformed' }, path);
    const block = readWhole(call('$.__proto__.polluted')).choices[0]?.blocks[0];
    assert.equal(block?.type === 'tool-call' ? block.arguments : '', '{"__proto__":{"polluted":"x"}}');
    assert.equal('polluted' in {}, false);
  });
});

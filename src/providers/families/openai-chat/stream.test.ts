import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { model } from '../../../../test/support/router.ts';
import { type Answer, type Choice, createFold } from '../../../core/answer.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { StreamEvent } from '../../../core/event.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { type ChatCodec, createChatCodec } from './codec.ts';
import { type ChatTraits, openAiTraits } from './traits.ts';

const codecOf = (traits: Partial<ChatTraits> = {}, info: Partial<ModelInfo> = {}): ChatCodec =>
  createChatCodec(model({ id: 'harbour-1', ...info }), {
    traits: { ...openAiTraits, ...traits },
    errorRows: [],
    now: () => 0,
  });
const names = [
  'stream-azure',
  'stream-signed-reasoning',
  'stream-thinking-blocks',
  'stream-calls',
  'stream-choices',
  'stream-error',
  'stream-audio',
] as const;
const fixture = (name: (typeof names)[number]): Buffer =>
  readFileSync(new URL(`./fixtures/${name}.sse`, import.meta.url));

function foldPieces(pieces: readonly Uint8Array[], codec = codecOf()): Answer | GatewayError {
  const fold = createFold();
  const reader = codec.openStream();
  try {
    for (const piece of pieces) reader.push(piece, fold.add);
    reader.finish(fold.add);
    return fold.answer();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
}

function answerOf(bytes: Uint8Array, codec = codecOf()): Answer {
  const answer = foldPieces([bytes], codec);
  if (answer instanceof Error) throw answer;
  return answer;
}

function failureOf(bytes: Uint8Array): GatewayError {
  const failure = foldPieces([bytes]);
  assert.ok(failure instanceof GatewayError);
  return failure;
}

const comparable = (result: Answer | GatewayError): unknown =>
  result instanceof GatewayError ? { code: result.code, message: result.message } : result;

/** Chunks with one choice, as events. */
function stream(...choices: readonly object[]): Buffer {
  const chunks = choices.map((choice) => ({ id: 'chatcmpl-fx', created: 5, model: 'm', choices: [choice] }));
  const events = [...chunks.map((chunk) => `data: ${JSON.stringify(chunk)}`), 'data: [DONE]', ''];
  return Buffer.from(events.join('\n\n'));
}
const piece = (delta: object, finish: string | null = null) => ({ index: 0, delta, finish_reason: finish });
const calls = (...list: readonly object[]) => piece({ tool_calls: list });
const firstOf = (answer: Answer): Choice => {
  const choice = answer.choices[0];
  assert.ok(choice !== undefined);
  return choice;
};
const crane = { type: 'tool-call', kind: 'function' } as const;

describe('streams', () => {
  for (const name of names) {
    test(`${name}: the same at every cut`, () => {
      const bytes = fixture(name);
      const whole = comparable(foldPieces([bytes]));
      for (let at = 1; at < bytes.length; at++) {
        const cut = foldPieces([bytes.subarray(0, at), bytes.subarray(at)]);
        assert.deepEqual(comparable(cut), whole, `cut at ${at}`);
      }
      const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
      assert.deepEqual(comparable(foldPieces(bytewise)), whole, 'byte by byte');
    });
  }

  test('Azure: an opening chunk that begins nothing, filter results, a chunk without delta, usage with its parts', () => {
    assert.deepEqual(answerOf(fixture('stream-azure')), {
      id: 'chatcmpl-fx-az',
      model: 'harbour-1',
      createdAtS: 1_790_000_000,
      choices: [
        { blocks: [{ type: 'text', text: 'Grüße vom Kai 4 🚢\n' }], stop: { kind: 'end', raw: 'stop' } },
      ],
      usage: {
        inputTokens: 31,
        cacheReadTokens: 16,
        cacheWriteTokens: 8,
        outputTokens: 12,
        reasoningTokens: 4,
        serviceTier: 'default',
      },
    });
  });

  test('signed reasoning that came in pieces is carried whole, and goes back as it was', () => {
    const answer = answerOf(fixture('stream-signed-reasoning'));
    const text = 'Which pier is free?';
    const details = [
      { type: 'reasoning.text', format: 'anthropic-claude-v1', index: 0, text, signature: 'c2lnLWZ4' },
    ];
    const carry = { family: 'openai', payload: JSON.stringify(details) };
    const { blocks } = firstOf(answer);
    const first = blocks[0];
    assert.ok(first?.type === 'reasoning' && first.carry !== undefined);
    assert.deepEqual(JSON.parse(first.carry.payload), details);
    assert.deepEqual(
      { ...first, carry: { ...first.carry, payload: JSON.stringify(details) } },
      { type: 'reasoning', text, carry },
    );
    assert.deepEqual(blocks[1], { type: 'text', text: 'Pier 4.' });
    assert.deepEqual(answer.usage, { inputTokens: 9, outputTokens: 7 });
    const encoded = codecOf({ carryField: 'reasoning_details' }).encode({
      kind: 'chat',
      model: 'route',
      system: [],
      messages: [{ role: 'assistant', blocks }],
      tools: [],
      stream: false,
      streamUsage: false,
      extensions: {},
    });
    assert.deepEqual(encoded.body, {
      model: 'harbour-1',
      messages: [{ role: 'assistant', content: 'Pier 4.', reasoning_details: details }],
    });
  });

  test('Claude’s own thinking blocks keep a signature each', () => {
    const carry = (payload: string) => ({ family: 'anthropic', payload });
    assert.deepEqual(firstOf(answerOf(fixture('stream-thinking-blocks'))), {
      blocks: [
        { type: 'reasoning', text: 'Ebb first.', carry: carry('c2lnLW9uZQ') },
        { type: 'reasoning', text: '', redacted: true, carry: carry('cmVkYWN0ZWQ') },
        { type: 'text', text: 'Wait.' },
        {
          ...crane,
          id: 'toolu_fx1',
          name: 'tide',
          arguments: '{"pier":4}',
          carry: { family: 'gemini', payload: 'Z2Vt' },
        },
      ],
      stop: { kind: 'tool', raw: 'tool_use' },
    });
  });

  test('a signed block that repeats its pieces is not written twice', () => {
    const signed = { type: 'thinking', thinking: 'Low tide.', signature: 'c2ln' };
    const { blocks } = firstOf(
      answerOf(
        stream(
          piece({ reasoning_content: 'Low ' }),
          piece({ reasoning_content: 'tide.' }),
          piece({ thinking_blocks: [signed] }),
          piece({ content: 'Wait.' }, 'stop'),
        ),
      ),
    );
    assert.deepEqual(blocks, [
      { type: 'reasoning', text: 'Low tide.', carry: { family: 'anthropic', payload: 'c2ln' } },
      { type: 'text', text: 'Wait.' },
    ]);
  });

  test('encrypted reasoning without text comes before the text that follows from it', () => {
    const hidden = { type: 'reasoning.encrypted', data: 'ZW5j', index: 0 };
    const { blocks } = firstOf(
      answerOf(stream(piece({ reasoning_details: [hidden] }), piece({ content: 'Wait.' }, 'stop'))),
    );
    assert.deepEqual(
      blocks.map((block) => [block.type, 'carry' in block ? block.carry?.payload : undefined]),
      [
        ['reasoning', JSON.stringify([hidden])],
        ['text', undefined],
      ],
    );
  });

  test('calls side by side, text after them, `stop` for a reason', () => {
    const choice = firstOf(answerOf(fixture('stream-calls')));
    assert.deepEqual(choice.blocks, [
      { type: 'text', text: 'Asking both.' },
      { ...crane, id: 'call_fx_a', name: 'find_crane', arguments: '{"pier": 4}' },
      { ...crane, id: 'call_fx_b', name: 'list_cranes', arguments: '{"harbour":"Zürich {"}' },
      { ...crane, id: 'call_fx_c', name: 'tide_table', arguments: '' },
      { type: 'text', text: 'One moment.' },
    ]);
    assert.deepEqual(choice.stop, { kind: 'tool', raw: 'stop' });
  });

  test('choices stay apart, with tokens and refusals their own; [DONE] may be missing', () => {
    const token = (text: string) => ({
      token: text,
      logprob: -0.5,
      bytes: [65],
      top: [{ token: text, logprob: -0.5, bytes: null }],
    });
    assert.deepEqual(answerOf(fixture('stream-choices')).choices, [
      {
        blocks: [{ type: 'text', text: 'AB' }],
        stop: { kind: 'length', raw: 'length' },
        logprobs: [token('A'), token('B')],
      },
      { blocks: [{ type: 'refusal', text: 'I cannot.' }], stop: { kind: 'refusal', raw: 'stop' } },
    ]);
  });

  test('choices that count from 1 are the same choices', () => {
    const answer = answerOf(stream({ index: 1, delta: { content: 'a' }, finish_reason: 'stop' }));
    assert.deepEqual(answer.choices, [
      { blocks: [{ type: 'text', text: 'a' }], stop: { kind: 'end', raw: 'stop' } },
    ]);
  });

  test('speech is one opaque block of its pieces', () => {
    const raw = { id: 'audio_fx', data: 'AAAABBBB', transcript: 'Ship ahoy', expires_at: 1_790_003_600 };
    assert.deepEqual(firstOf(answerOf(fixture('stream-audio'))).blocks, [
      { type: 'opaque', protocol: 'openai-chat', raw },
    ]);
  });

  test('a stream cut after any event is an error, never an end', () => {
    for (const name of ['stream-azure', 'stream-calls', 'stream-choices', 'stream-audio'] as const) {
      const text = fixture(name).toString();
      const gap = text.includes('\r\n') ? '\r\n\r\n' : '\n\n';
      const events = text.split(gap).filter((event) => event !== '');
      const last = events.findLastIndex((event) => event.includes('"finish_reason":"'));
      assert.ok(last > 2);
      for (let count = 0; count <= last; count++) {
        const kept = events.slice(0, count).map((event) => event + gap);
        assert.equal(failureOf(Buffer.from(kept.join(''))).code, 'upstream_truncated', `${name} ${count}`);
      }
    }
  });

  test('[DONE] without any answer is a cut', () => {
    for (const text of ['data: [DONE]\n\n', 'data: {"id":"x","choices":[]}\n\ndata: [DONE] \n\n'])
      assert.equal(failureOf(Buffer.from(text)).code, 'upstream_truncated');
  });

  test('what follows the end is ignored', () => {
    const late = Buffer.from('data: {"error":{"message":"late"}}\n\n');
    const bytes = Buffer.concat([stream(piece({ content: 'a' }, 'stop')), late]);
    assert.equal(firstOf(answerOf(bytes)).stop.kind, 'end');
  });

  const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
  const failures: readonly [string, string, string][] = [
    ['a filter in the middle', fixture('stream-error').toString(), 'content_blocked'],
    ['an error text', event({ error: 'out of memory' }), 'upstream_fault'],
    ['an error object of vLLM', event({ object: 'error', message: 'bad', code: 400 }), 'invalid_request'],
    ['an error in a list', event([{ error: { code: 429, message: 'slow' } }]), 'rate_limited'],
    ['a bare detail', event({ detail: 'gone wrong' }), 'upstream_fault'],
    [
      'a choice’s error',
      event({ choices: [{ error: { code: 503, message: 'no' } }] }),
      'upstream_overloaded',
    ],
    ['`error` for a reason', stream(piece({ content: 'a' }, 'error')).toString(), 'upstream_fault'],
    [
      'DeepSeek out of room',
      stream(piece({}, 'insufficient_system_resource')).toString(),
      'upstream_overloaded',
    ],
    ['a chunk that is no JSON', 'data: {"id":\n\n', 'upstream_malformed'],
    ['a chunk that is no object', 'data: 7\n\n', 'upstream_malformed'],
  ];
  for (const [what, text, code] of failures) {
    test(`${what} is ${code}`, () => assert.equal(failureOf(Buffer.from(text)).code, code));
  }
});

describe('calls', () => {
  const f = (name: string, text: string) => ({ function: { name, arguments: text } });
  const args = (text: string) => ({ function: { arguments: text } });
  const one = [['crane', '{"a":1}']];
  const rows: readonly [string, readonly object[], readonly string[][]][] = [
    [
      'a name in pieces',
      [
        calls({ index: 0, id: 'a', ...f('cr', '') }),
        calls({ index: 0, ...f('ane', '') }),
        calls({ index: 0, ...f('', '{"a":1}') }),
      ],
      one,
    ],
    [
      'a name said in every piece',
      [calls({ index: 0, id: 'a', ...f('crane', '{"a"') }), calls({ index: 0, ...f('crane', ':1}') })],
      one,
    ],
    [
      'a late id and a late name',
      [calls({ index: 0, ...args('{"a"') }), calls({ index: 0, id: 'a', ...f('crane', ':1}') })],
      one,
    ],
    [
      'an id that is new in every piece',
      [calls({ index: 0, id: 'a', ...f('crane', '{"a"') }), calls({ index: 0, id: 'b', ...args(':1}') })],
      one,
    ],
    [
      'one index and no ids, whole calls',
      [
        calls({ index: 0, id: '', ...f('crane', '{"a":1}') }),
        calls({ index: 0, id: '', ...f('crane', '{}') }),
      ],
      [...one, ['crane', '{}']],
    ],
    [
      'no index and no ids, whole calls',
      [calls(f('crane', '{"a":1}'), f('tide', '{}'))],
      [...one, ['tide', '{}']],
    ],
    [
      'no index, in pieces',
      [calls({ id: 'a', ...f('crane', '') }), calls(args('{"a"')), calls(args(':1}'))],
      one,
    ],
    [
      'one id under two indexes',
      [calls({ index: 0, id: 'a', ...f('crane', '{"a":1}') }, { index: 1, id: 'a', ...f('tide', '{}') })],
      [...one, ['tide', '{}']],
    ],
    [
      'arguments as an object',
      [calls({ index: 0, id: 'a', function: { name: 'crane', arguments: { a: 1 } } })],
      one,
    ],
    ['arguments null', [calls({ id: 'a', function: { name: 'crane', arguments: null } })], [['crane', '']]],
    [
      'empty pieces between',
      [
        calls({ index: 0, id: 'a', ...f('crane', '{"a"') }),
        piece({ content: '', tool_calls: null }),
        calls({ index: 0, ...args(':1}') }),
      ],
      one,
    ],
    [
      'a custom tool',
      [
        calls({ index: 0, id: 'a', type: 'custom', custom: { name: 'shell', input: 'ls' } }),
        calls({ index: 0, custom: { input: ' -l' } }),
      ],
      [['shell', 'ls -l']],
    ],
    [
      'the old function_call',
      [
        piece({ function_call: { name: 'crane', arguments: '{"a"' } }),
        piece({ function_call: { arguments: ':1}' } }),
      ],
      one,
    ],
  ];
  for (const [what, chunks, wanted] of rows) {
    test(what, () => {
      const choice = firstOf(answerOf(stream(...chunks, piece({}, 'stop'))));
      const read = choice.blocks.flatMap((block) => (block.type === 'tool-call' ? [block] : []));
      assert.deepEqual(
        read.map((block) => [block.name, block.arguments]),
        wanted,
      );
      assert.equal(choice.stop.kind, 'tool');
      assert.equal(new Set(read.map((block) => block.id)).size, wanted.length);
      for (const { id } of read) assert.match(id, /^\w{1,40}$/);
    });
  }

  test('an empty call that a server sends with every answer is none', () => {
    const empty = { content: 'a', function_call: { name: '', arguments: '' } };
    assert.deepEqual(firstOf(answerOf(stream(piece(empty, 'stop')))), {
      blocks: [{ type: 'text', text: 'a' }],
      stop: { kind: 'end', raw: 'stop' },
    });
  });

  test('what began before more is told first', () => {
    const choice = firstOf(
      answerOf(
        stream(calls({ index: 0, id: 'a', ...f('crane', '') }), piece({ content: 'So.' }, 'tool_calls')),
      ),
    );
    assert.deepEqual(
      choice.blocks.map((block) => block.type),
      ['tool-call', 'text'],
    );
  });
});

describe('relays', () => {
  function relay(bytes: Buffer, streamUsage: boolean, step = bytes.length) {
    const events: StreamEvent[] = [];
    const opened = codecOf().openRelay({ stream: true, streamUsage, headers: {} });
    const out: Uint8Array[] = [];
    const emit = (one: StreamEvent): void => {
      events.push(one);
    };
    for (let at = 0; at < bytes.length; at += step)
      out.push(opened.push(bytes.subarray(at, at + step), emit) ?? new Uint8Array());
    out.push(opened.finish(emit) ?? new Uint8Array());
    return { text: Buffer.concat(out).toString(), events };
  }

  test('pass every byte on, in pieces of any size', () => {
    const bytes = fixture('stream-azure');
    for (const step of [1, 7, 64, bytes.length]) {
      const { text, events } = relay(bytes, true, step);
      assert.equal(text, bytes.toString());
      assert.equal(events.at(-1)?.type, 'end');
    }
  });

  test('keep the usage chunk that the caller did not ask for, spaces or not, and read it', () => {
    const text = fixture('stream-azure').toString();
    const spaced = text.replaceAll('"choices":[]', '"choices": [ ]').replace('"usage":{', '"usage": {');
    for (const variant of [text, spaced]) {
      const { text: out, events } = relay(Buffer.from(variant), false);
      const wanted = variant.split('\r\n\r\n').filter((one) => !one.includes('"usage"'));
      assert.equal(out, wanted.join('\r\n\r\n'));
      assert.ok(events.some((one) => one.type === 'usage' && one.usage.inputTokens === 31));
    }
  });

  test('add the [DONE] that the server left out, and only to an answer that ended', () => {
    const bytes = fixture('stream-choices');
    assert.equal(relay(bytes, true).text, `${bytes.toString()}data: [DONE]\n\n`);
    const cut = bytes.subarray(0, bytes.indexOf('\n\n') + 2);
    const { text, events } = relay(cut, true);
    assert.equal(text, cut.toString());
    assert.equal(events.at(-1)?.type, 'error');
  });

  test('hold an error back, so that the caller gets it in its own shape', () => {
    const { text, events } = relay(fixture('stream-error'), true);
    assert.doesNotMatch(text, /filtered/);
    const last = events.at(-1);
    assert.ok(last?.type === 'error' && last.error.code === 'content_blocked');
  });
});

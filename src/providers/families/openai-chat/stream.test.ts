import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from '../../../core/answer.ts';
import { GatewayError } from '../../../core/errors.ts';
import { answerOf, codecOf, firstOf, fixture, foldPieces, names, piece, stream } from './fixtures/streams.ts';

function failureOf(bytes: Uint8Array): GatewayError {
  const failure = foldPieces([bytes]);
  assert.ok(failure instanceof GatewayError);
  return failure;
}

const comparable = (result: Answer | GatewayError): unknown =>
  result instanceof GatewayError ? { code: result.code, message: result.message } : result;

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

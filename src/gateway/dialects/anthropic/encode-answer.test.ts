import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer, AnswerBlock } from '../../../core/answer.ts';
import { type ErrorCode, GatewayError } from '../../../core/errors.ts';
import type { StopKind } from '../../../core/event.ts';
import type { AnswerContext } from '../contract.ts';
import { decodeMessages } from './decode.ts';
import { encodeMessage } from './encode-answer.ts';
import { encodeError } from './errors.ts';
import { dialects } from './index.ts';
import { models } from './models.ts';

const request = decodeMessages({
  model: 'route',
  max_tokens: 5,
  messages: [{ role: 'user', content: 'Hi' }],
});
const context: AnswerContext = { requestId: 'req_1', nowS: 1_760_000_000, request };

function answer(blocks: readonly AnswerBlock[], more: Partial<Answer> = {}): Answer {
  return { id: 'msg_1', model: 'some-model', choices: [{ blocks, stop: { kind: 'end' } }], ...more };
}
const content = (...blocks: readonly AnswerBlock[]): unknown =>
  Object(encodeMessage(answer(blocks), context)).content;
const call = { type: 'tool-call', kind: 'function', id: 'x', name: 'find_crane' } as const;

describe('an answer', () => {
  test('is a message', () => {
    const usage = {
      inputTokens: 100,
      cacheReadTokens: 30,
      cacheWriteTokens: 20,
      cacheWrite1hTokens: 20,
      outputTokens: 7,
      reasoningTokens: 3,
    };
    assert.deepEqual(encodeMessage(answer([{ type: 'text', text: 'Four.' }], { usage }), context), {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'some-model',
      content: [{ type: 'text', text: 'Four.', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: {
        input_tokens: 50,
        output_tokens: 7,
        cache_read_input_tokens: 30,
        cache_creation_input_tokens: 20,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 20 },
        output_tokens_details: { thinking_tokens: 3 },
      },
    });
  });

  test('has an id in Anthropic’s style, whatever the provider gave', () => {
    const id = (given: string): unknown => Object(encodeMessage(answer([], { id: given }), context)).id;
    assert.deepEqual([id('msg_9'), id('chatcmpl-5.a'), id('')], ['msg_9', 'msg_chatcmpl-5a', 'msg_req_1']);
  });

  test('never holds an empty text, and an input is always an object', () => {
    assert.deepEqual(content({ type: 'text', text: '' }, { type: 'refusal', text: 'No.' }), [
      { type: 'text', text: 'No.', citations: null },
    ]);
    const input = (args: string, kind: 'function' | 'custom' = 'function'): unknown =>
      Object(content({ ...call, kind, arguments: args }))[0].input;
    assert.deepEqual(input(''), {});
    assert.deepEqual(input('null'), {});
    assert.deepEqual(input('{"pier":4}'), { pier: 4 });
    assert.deepEqual(input('{"pier"'), { _raw_arguments: '{"pier"' });
    assert.deepEqual(input('lift', 'custom'), { input: 'lift' });
  });

  test('of another family hides what that family wants back where signatures go', () => {
    const carry = { family: 'gemini', payload: 'c2ln' } as const;
    const wrapped = Buffer.from('c2ln').toString('base64');
    assert.deepEqual(
      content(
        { type: 'reasoning', text: 'Hm.', carry },
        { type: 'reasoning', text: 'Bare.' },
        { ...call, arguments: '', carry },
        { type: 'text', text: '', carry },
      ),
      [
        { type: 'thinking', thinking: 'Hm.', signature: `im1.gemini.${wrapped}` },
        { type: 'thinking', thinking: 'Bare.', signature: 'im1.none.' },
        { type: 'thinking', thinking: '', signature: `im1.next.gemini.${wrapped}` },
        { type: 'tool_use', id: 'x', name: 'find_crane', input: {} },
        { type: 'thinking', thinking: '', signature: `im1.text.gemini.${wrapped}` },
      ],
    );
  });

  test('keeps citations and blocks of Anthropic’s own alone', () => {
    const own = { type: 'page_location', cited_text: 'x' };
    const raw = { type: 'server_tool_use', id: 's', name: 'web_search', input: {} };
    assert.deepEqual(
      content(
        { type: 'text', text: 'a', citations: [own, { url: 'x' }] },
        { type: 'opaque', protocol: 'anthropic-messages', raw },
        { type: 'opaque', protocol: 'gemini', raw },
      ),
      [{ type: 'text', text: 'a', citations: [own] }, raw],
    );
  });

  const stops: readonly [StopKind, string][] = [
    ['end', 'end_turn'],
    ['length', 'max_tokens'],
    ['context', 'model_context_window_exceeded'],
    ['tool', 'tool_use'],
    ['stop-sequence', 'stop_sequence'],
    ['filter', 'refusal'],
    ['refusal', 'refusal'],
    ['pause', 'pause_turn'],
    ['other', 'end_turn'],
  ];
  for (const [kind, reason] of stops) {
    test(`that stops for ${kind} says ${reason}`, () => {
      const choices = [{ blocks: [], stop: { kind, sequence: 'END' } }];
      const made = Object(encodeMessage(answer([], { choices }), context));
      assert.equal(made.stop_reason, reason);
      assert.equal(made.stop_sequence, kind === 'stop-sequence' ? 'END' : null);
    });
  }
});

describe('an error', () => {
  const cases: readonly [ErrorCode, number, string][] = [
    ['invalid_request', 400, 'invalid_request_error'],
    ['unsupported', 400, 'invalid_request_error'],
    ['content_blocked', 400, 'invalid_request_error'],
    ['invalid_key', 401, 'authentication_error'],
    ['quota_exhausted', 402, 'billing_error'],
    ['forbidden', 403, 'permission_error'],
    ['not_found', 404, 'not_found_error'],
    ['model_not_found', 404, 'not_found_error'],
    ['request_too_large', 413, 'request_too_large'],
    ['rate_limited', 429, 'rate_limit_error'],
    ['upstream_auth', 500, 'api_error'],
    ['internal', 500, 'api_error'],
    ['upstream_timeout', 504, 'timeout_error'],
    ['deadline_exceeded', 504, 'timeout_error'],
    ['upstream_overloaded', 529, 'overloaded_error'],
    ['no_candidate', 529, 'overloaded_error'],
  ];
  for (const [code, status, type] of cases) {
    test(`${code} is ${status} ${type}`, () => {
      assert.deepEqual(encodeError(new GatewayError(code, 'Words.'), 'req_1'), {
        status,
        body: { type: 'error', error: { type, message: 'Words.' }, request_id: 'req_1' },
      });
    });
  }

  test('of length has the words that clients look for, once', () => {
    const message = (words: string): unknown =>
      Object(encodeError(new GatewayError('context_too_long', words), 'r').body).error.message;
    assert.equal(message('Too much.'), 'prompt is too long: Too much.');
    assert.equal(message('prompt is too long: 3 > 2'), 'prompt is too long: 3 > 2');
  });

  test('inside a stream is an event of its own', () => {
    const [messages] = dialects.dialects;
    assert.ok(messages?.operation === 'chat');
    assert.equal(
      messages.encodeStreamError(new GatewayError('upstream_overloaded', 'Busy.'), 'req_1'),
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy."},"request_id":"req_1"}\n\n',
    );
    assert.equal(messages.ping, 'event: ping\ndata: {"type": "ping"}\n\n');
  });
});

describe('the model list', () => {
  test('is Anthropic’s for callers who say so', () => {
    assert.equal(models.claims({ 'anthropic-version': '2023-06-01' }), true);
    assert.equal(models.claims({ 'x-api-key': 'k' }), true);
    assert.equal(models.claims({ authorization: 'Bearer k' }), false);
    const listed = { id: 'assistant', createdAtS: 0, ownedBy: 'route' };
    const shown = {
      type: 'model',
      id: 'assistant',
      display_name: 'assistant',
      created_at: '1970-01-01T00:00:00.000Z',
    };
    assert.deepEqual(models.list([listed]), {
      data: [shown],
      has_more: false,
      first_id: 'assistant',
      last_id: 'assistant',
    });
    assert.deepEqual(models.list([]), { data: [], has_more: false, first_id: null, last_id: null });
    assert.deepEqual(models.one(listed), shown);
  });
});

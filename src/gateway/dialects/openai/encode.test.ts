import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { GatewayError } from '../../../core/errors.ts';
import type { StreamEvent } from '../../../core/event.ts';
import { asObject } from '../../../core/json.ts';
import { chat, decode } from './fixtures/chat.ts';

const events: readonly StreamEvent[] = [
  { type: 'start', id: 'msg_1', model: 'claude' },
  { type: 'block-start', index: 0, block: { type: 'reasoning' } },
  { type: 'block-delta', index: 0, text: 'hm' },
  { type: 'block-carry', index: 0, carry: { family: 'anthropic', payload: 'sig' } },
  { type: 'block-stop', index: 0 },
  { type: 'block-start', index: 1, block: { type: 'text' } },
  { type: 'block-delta', index: 1, text: 'Let me ' },
  { type: 'block-delta', index: 1, text: 'see' },
  { type: 'block-stop', index: 1 },
  { type: 'block-start', index: 2, block: { type: 'tool-call', id: 'a', name: 'f', kind: 'function' } },
  { type: 'block-start', index: 3, block: { type: 'tool-call', id: 'b', name: 'g', kind: 'function' } },
  { type: 'block-delta', index: 3, text: '{"y":' },
  { type: 'block-delta', index: 3, text: '2}' },
  { type: 'block-stop', index: 2 },
  { type: 'block-stop', index: 3 },
  { type: 'usage', usage: { inputTokens: 5, outputTokens: 7, cacheReadTokens: 2 } },
  { type: 'stop', stop: { kind: 'tool' } },
  { type: 'end' },
];

/** The official client, reading what the dialect wrote. */
async function withClient<T>(text: string, use: (client: OpenAI) => Promise<T>): Promise<T> {
  const server = createServer((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    outgoing.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    return await use(new OpenAI({ apiKey: 'x', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 }));
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const write = (list: readonly StreamEvent[], streamUsage = true): string => {
  const encoder = chat.openStream({ requestId: 'req_1', nowS: 7, request: { ...decode({}), streamUsage } });
  return list.map((event) => encoder.write(event)).join('');
};

describe('streams', () => {
  const read = (text: string) =>
    withClient(text, (client) =>
      client.chat.completions
        .stream({ model: 'm', messages: [{ role: 'user', content: 'x' }] })
        .finalChatCompletion(),
    );

  test('are read by the official SDK: text, calls side by side, usage', async () => {
    const final = await read(write(events));
    const message = final.choices[0]?.message;
    assert.equal(message?.content, 'Let me see');
    assert.deepEqual(
      message?.tool_calls?.map((call) =>
        call.type === 'function' ? [call.id, call.function.name, call.function.arguments] : [],
      ),
      [
        ['a', 'f', '{}'],
        ['b', 'g', '{"y":2}'],
      ],
    );
    assert.equal(final.choices[0]?.finish_reason, 'tool_calls');
    assert.equal(final.usage?.total_tokens, 12);
    assert.equal(final.usage?.prompt_tokens_details?.cached_tokens, 2);
  });

  test('count calls, not blocks, and name each once', () => {
    const chunks = write(events)
      .split('\n\n')
      .filter((line) => line.includes('tool_calls"'))
      .map((line) => JSON.parse(line.slice(6)).choices[0].delta.tool_calls?.[0])
      .filter((call) => call !== undefined);
    assert.deepEqual(
      chunks.filter((call) => call.id !== undefined).map((call) => [call.index, call.id]),
      [
        [0, 'a'],
        [1, 'b'],
      ],
    );
    assert.ok(
      chunks.filter((call) => call.id === undefined).every((call) => call.function.name === undefined),
    );
  });

  test('hold usage only where it was asked for', () => {
    assert.ok(!write(events, false).includes('usage'));
    assert.equal(write(events).match(/"usage":\{/g)?.length, 1);
  });

  test('an error in the middle is raised by the SDK, and nothing looks like an end', async () => {
    const text = write([
      ...events.slice(0, 8),
      { type: 'error', error: new GatewayError('upstream_truncated', 'It broke.') },
    ]);
    assert.ok(!text.includes('[DONE]') && !text.includes('"finish_reason":"'));
    await assert.rejects(read(text), /It broke/);
  });
});

describe('errors', () => {
  const rows: readonly [ConstructorParameters<typeof GatewayError>[0], number, string | null][] = [
    ['invalid_request', 400, null],
    ['context_too_long', 400, 'context_length_exceeded'],
    ['content_blocked', 400, 'content_filter'],
    ['model_not_found', 404, 'model_not_found'],
    ['rate_limited', 429, 'rate_limit_exceeded'],
    ['quota_exhausted', 429, 'insufficient_quota'],
    ['upstream_auth', 502, 'upstream_auth'],
    ['upstream_overloaded', 503, 'overloaded'],
    ['upstream_timeout', 504, 'upstream_timeout'],
  ];
  for (const [code, status, word] of rows) {
    test(`${code} is ${status} ${word}`, () => {
      const { status: told, body } = chat.encodeError(new GatewayError(code, 'Why.'), 'req_1');
      assert.equal(told, status);
      assert.equal(asObject(asObject(body)['error'])['code'], word);
      assert.equal(asObject(asObject(body)['error'])['message'], 'Why.');
    });
  }
});

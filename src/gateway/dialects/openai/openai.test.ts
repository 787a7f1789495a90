import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { GatewayError } from '../../../core/errors.ts';
import type { StreamEvent } from '../../../core/event.ts';
import { asObject } from '../../../core/json.ts';
import type { ChatRequest } from '../../../core/request.ts';
import { scanBody } from '../../../wire/json-scan.ts';
import type { ChatDialect, EmbeddingDialect } from '../contract.ts';
import { dialects } from './index.ts';

const chat = dialects.dialects.find((dialect): dialect is ChatDialect => dialect.operation === 'chat');
const embeddings = dialects.dialects.find(
  (dialect): dialect is EmbeddingDialect => dialect.operation === 'embedding',
);
assert.ok(chat !== undefined && embeddings !== undefined);

const user = { role: 'user', content: 'Hi' };
const decode = (body: object): ChatRequest => chat.decode({ model: 'm', messages: [user], ...body });
const inspect = (body: object) =>
  chat.inspect(scanBody(Buffer.from(JSON.stringify({ model: 'm', messages: [user], ...body }))));

describe('decoding', () => {
  test('leading system text is the system, later system text stays in place', () => {
    const request = decode({
      messages: [
        { role: 'developer', content: 'A' },
        { role: 'system', content: 'B' },
        user,
        { role: 'system', content: 'C' },
      ],
    });
    assert.deepEqual(
      request.system.map((block) => block.text),
      ['A', 'B'],
    );
    assert.deepEqual(
      request.messages.map((message) => message.role),
      ['user', 'system'],
    );
  });

  test('tool messages become results of one user turn', () => {
    const calls = [
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
    ];
    const { messages } = decode({
      messages: [
        user,
        { role: 'assistant', content: null, tool_calls: calls },
        { role: 'tool', tool_call_id: 'b', content: '2' },
        { role: 'tool', tool_call_id: 'a', content: '1' },
        user,
      ],
    });
    assert.deepEqual(
      messages.map((message) => [message.role, message.blocks.map((block) => block.type)]),
      [
        ['user', ['text']],
        ['assistant', ['tool-call', 'tool-call']],
        ['user', ['tool-result', 'tool-result', 'text']],
      ],
    );
  });

  test('data URLs go by their mime type', () => {
    const part = (url: string) =>
      decode({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] })
        .messages[0]?.blocks[0];
    assert.equal(part('data:image/png;base64,AAAA')?.type, 'image');
    assert.equal(part('data:application/pdf;base64,AAAA')?.type, 'document');
  });

  test('echoed thoughts and signatures come back as they were', () => {
    const message = {
      role: 'assistant',
      content: 'x',
      thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 'sig' }],
      tool_calls: [
        {
          id: 'c',
          type: 'function',
          function: { name: 'f', arguments: '{}' },
          extra_content: { google: { thought_signature: 'g' } },
        },
      ],
    };
    const blocks = decode({ messages: [user, message] }).messages[1]?.blocks;
    assert.deepEqual(blocks?.[0], {
      type: 'reasoning',
      text: 'hm',
      carry: { family: 'anthropic', payload: 'sig' },
    });
    assert.deepEqual(blocks?.[2], {
      type: 'tool-call',
      kind: 'function',
      id: 'c',
      name: 'f',
      arguments: '{}',
      carry: { family: 'gemini', payload: 'g' },
    });
  });

  test('fields without a neutral form are kept apart', () => {
    assert.deepEqual(decode({ store: true, foo: 1 }).extensions, { store: true, foo: 1 });
  });

  const broken: readonly [string, object, string][] = [
    ['no messages', { messages: [] }, 'messages'],
    ['messages of the wrong kind', { messages: 'x' }, 'messages'],
    ['a message of the wrong kind', { messages: [7] }, 'messages[0]'],
    ['an unknown role', { messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role'],
    ['content of the wrong kind', { messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    ['a part of the wrong kind', { messages: [{ role: 'user', content: ['x'] }] }, 'messages[0].content[0]'],
    [
      'an unknown part',
      { messages: [{ role: 'user', content: [{ type: 'smell' }] }] },
      'messages[0].content[0].type',
    ],
    [
      'a text part without text',
      { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      'messages[0].content[0].text',
    ],
    [
      'an image without an address',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] },
      'messages[0].content[0].image_url.url',
    ],
    [
      'an image from nowhere',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] },
        ],
      },
      'messages[0].content[0].image_url.url',
    ],
    [
      'media in a system message',
      {
        messages: [
          { role: 'system', content: [{ type: 'image_url', image_url: { url: 'https://x.test/a.png' } }] },
        ],
      },
      'messages[0].content',
    ],
    [
      'a result without its call',
      { messages: [user, { role: 'tool', tool_call_id: 'x', content: '' }] },
      'messages[1].tool_call_id',
    ],
    [
      'a result without an id',
      { messages: [user, { role: 'tool', content: '' }] },
      'messages[1].tool_call_id',
    ],
    [
      'a call without an id',
      { messages: [user, { role: 'assistant', tool_calls: [{ function: { name: 'f' } }] }] },
      'messages[1].tool_calls[0].id',
    ],
    [
      'a call without a function',
      { messages: [user, { role: 'assistant', tool_calls: [{ id: 'a' }] }] },
      'messages[1].tool_calls[0].function',
    ],
    ['no model', { model: undefined }, 'model'],
    ['max_tokens of zero', { max_tokens: 0 }, 'max_tokens'],
    ['half a token', { max_completion_tokens: 1.5 }, 'max_completion_tokens'],
    ['too hot', { temperature: 2.5 }, 'temperature'],
    ['temperature in words', { temperature: 'warm' }, 'temperature'],
    ['top_p over one', { top_p: 1.1 }, 'top_p'],
    ['five stops', { stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    ['a stop that is none', { stop: [1] }, 'stop[0]'],
    ['no answers', { n: 0 }, 'n'],
    ['too many alternatives', { logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    ['a penalty out of range', { presence_penalty: 3 }, 'presence_penalty'],
    ['an unknown effort', { reasoning_effort: 'extreme' }, 'reasoning_effort'],
    ['an unknown format', { response_format: { type: 'xml' } }, 'response_format.type'],
    ['a format that is a text', { response_format: 'json' }, 'response_format'],
    [
      'a schema that is none',
      { response_format: { type: 'json_schema', json_schema: { schema: 1 } } },
      'response_format.json_schema.schema',
    ],
    ['tools that are no list', { tools: {} }, 'tools'],
    ['a tool without a function', { tools: [{ type: 'function' }] }, 'tools[0].function'],
    ['a tool without a name', { tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
    [
      'parameters that are none',
      { tools: [{ type: 'function', function: { name: 'f', parameters: [] } }] },
      'tools[0].function.parameters',
    ],
    ['a tool without a type', { tools: [{}] }, 'tools[0].type'],
    [
      'an unknown choice',
      { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'maybe' },
      'tool_choice',
    ],
    ['metadata that is none', { metadata: { a: 1 } }, 'metadata.a'],
    ['a bias in words', { logit_bias: { a: 'b' } }, 'logit_bias.a'],
    ['stream in words', { stream: 'yes' }, 'stream'],
    ['an unknown verbosity', { verbosity: 'chatty' }, 'verbosity'],
  ];
  for (const [what, body, param] of broken) {
    test(`refuses ${what}, naming ${param}`, () => {
      assert.throws(
        () => decode(body),
        (thrown) =>
          thrown instanceof GatewayError &&
          thrown.code === 'invalid_request' &&
          thrown.param === param &&
          thrown.message.includes(param),
      );
    });
  }
});

describe('facts', () => {
  test('come from the top level', () => {
    assert.deepEqual(
      inspect({ stream: true, max_tokens: 9, n: 2, tools: [{ type: 'function', function: { name: 'f' } }] }),
      {
        operation: 'chat',
        model: 'm',
        stream: true,
        streamUsage: false,
        inputTokens: inspect({ tools: [{ type: 'function', function: { name: 'f' } }] }).inputTokens,
        needs: ['tools', 'choices'],
        nativeOnly: false,
        maxOutputTokens: 9,
        choices: 2,
      },
    );
  });

  test('media are found, and the word for them in mere text is not taken for one', () => {
    const image = {
      role: 'user',
      content: [{ type: 'image_url', image_url: { url: 'https://x.test/a.png' } }],
    };
    assert.deepEqual(inspect({ messages: [image] }).needs, ['vision', 'image-url']);
    assert.deepEqual(inspect({ messages: [{ role: 'user', content: 'say "image_url" twice' }] }).needs, []);
  });

  test('base64 does not count as text', () => {
    const image = {
      role: 'user',
      content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(400_000)}` } }],
    };
    assert.ok(inspect({ messages: [image] }).inputTokens < 2000);
  });

  test('what only OpenAI has stays with it', () => {
    for (const body of [
      { web_search_options: {} },
      { modalities: ['text', 'audio'], audio: {} },
      { prediction: {} },
    ])
      assert.equal(inspect(body).nativeOnly, true);
  });
});

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

describe('embeddings', () => {
  test('take a text, texts, token ids and lists of them', () => {
    for (const [input, wanted] of [
      ['a', ['a']],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
      [[1, 2], [[1, 2]]],
      [
        [[1], [2]],
        [[1], [2]],
      ],
    ] as const) {
      assert.deepEqual(embeddings.decode({ model: 'm', input }).inputs, wanted);
    }
    for (const input of ['', [], [''], [[]], [1.5], {}, null])
      assert.throws(() => embeddings.decode({ model: 'm', input }), { code: 'invalid_request' });
  });

  test('are written as numbers or as base64 floats', () => {
    const answer = { model: 'm', vectors: [[0.5, -1]] };
    const first = (encoding: string) =>
      JSON.parse(
        JSON.stringify(
          embeddings.encodeAnswer(
            answer,
            embeddings.decode({ model: 'm', input: 'a', encoding_format: encoding }),
          ),
        ),
      ).data[0].embedding;
    assert.deepEqual(first('float'), [0.5, -1]);
    assert.equal(Buffer.from(first('base64'), 'base64').readFloatLE(4), -1);
  });
});

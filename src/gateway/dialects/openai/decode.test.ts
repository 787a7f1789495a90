import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../core/errors.ts';
import { scanBody } from '../../../wire/json-scan.ts';
import { chat, decode, user } from './fixtures/chat.ts';

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

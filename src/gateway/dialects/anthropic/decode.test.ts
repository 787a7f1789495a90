import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { ChatRequest } from '../../../core/request.ts';
import { decodeMessages } from './decode.ts';
import { wrapSignature } from './signature.ts';

const base = { model: 'route', max_tokens: 100, messages: [{ role: 'user', content: 'Which pier?' }] };
const decode = (changes: object): ChatRequest => decodeMessages({ ...base, ...changes });
const blocks = (content: unknown, role = 'user'): Message['blocks'] =>
  decode({ messages: [{ role, content }] }).messages[0]?.blocks ?? [];

describe('a request', () => {
  test('at its least', () => {
    assert.deepEqual(decode({}), {
      kind: 'chat',
      model: 'route',
      system: [],
      messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Which pier?' }] }],
      tools: [],
      maxOutputTokens: 100,
      stream: false,
      streamUsage: true,
      extensions: {},
    });
  });

  test('with everything that has a neutral form', () => {
    const {
      messages: _messages,
      extensions,
      ...rest
    } = decode({
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
      stream: true,
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
      stop_sequences: ['END'],
      tools: [
        { name: 'find_crane', description: 'd', input_schema: { type: 'object' }, strict: true },
        { type: 'web_search_20250305', name: 'web_search', max_uses: 2 },
      ],
      tool_choice: { type: 'tool', name: 'find_crane', disable_parallel_tool_use: true },
      thinking: { type: 'enabled', budget_tokens: 2000, display: 'omitted' },
      output_config: { effort: 'low', format: { type: 'json_schema', schema: { type: 'object' } } },
      metadata: { user_id: 'u1' },
      service_tier: 'standard_only',
    });
    assert.deepEqual(rest, {
      kind: 'chat',
      model: 'route',
      system: [{ type: 'text', text: 'Be brief.', cache: { ttl: '1h' } }],
      tools: [
        {
          kind: 'function',
          name: 'find_crane',
          description: 'd',
          parameters: { type: 'object' },
          strict: true,
        },
        {
          kind: 'server',
          protocol: 'anthropic-messages',
          raw: { type: 'web_search_20250305', name: 'web_search', max_uses: 2 },
        },
      ],
      stream: true,
      streamUsage: true,
      maxOutputTokens: 100,
      temperature: 0,
      topP: 0.5,
      topK: 3,
      stop: ['END'],
      toolChoice: { kind: 'tool', name: 'find_crane' },
      parallelTools: false,
      reasoning: { mode: 'on', budgetTokens: 2000, effort: 'low', show: 'none' },
      format: { kind: 'schema', schema: { type: 'object' }, strict: true },
      endUser: 'u1',
      serviceTier: 'default',
    });
    assert.deepEqual(extensions, {});
  });

  test('names what has none, inside and out', () => {
    const { extensions } = decode({
      mcp_servers: [],
      container: null,
      output_config: { task_budget: 5 },
      metadata: { trace: 't' },
      tools: [{ name: 'a', input_schema: {}, defer_loading: true }],
    });
    assert.deepEqual(Object.keys(extensions), [
      'mcp_servers',
      'output_config.task_budget',
      'metadata.trace',
      'tools.defer_loading',
    ]);
  });

  const thinking: readonly [object, object | undefined][] = [
    [{}, undefined],
    [{ thinking: { type: 'adaptive' } }, { mode: 'auto' }],
    [{ thinking: { type: 'adaptive', display: 'summarized' } }, { mode: 'auto', show: 'summary' }],
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }, { mode: 'off' }],
    [{ output_config: { effort: 'max' } }, { mode: 'on', effort: 'max' }],
  ];
  for (const [changes, reasoning] of thinking) {
    test(`thinks as ${JSON.stringify(changes)} says`, () => {
      assert.deepEqual(decode(changes).reasoning, reasoning);
    });
  }

  const choices: readonly [object, object][] = [
    [{ type: 'auto' }, { kind: 'auto' }],
    [{ type: 'any' }, { kind: 'required' }],
    [{ type: 'none' }, { kind: 'none' }],
  ];
  for (const [sent, expected] of choices) {
    test(`chooses a tool as ${JSON.stringify(sent)} says`, () => {
      const tools = [{ name: 'a', input_schema: {} }];
      assert.deepEqual(decode({ tools, tool_choice: sent }).toolChoice, expected);
      assert.equal(decode({ tool_choice: sent }).toolChoice, undefined);
    });
  }

  test('may be cached as a whole: a mark on the last block that bears one', () => {
    const { messages } = decode({
      cache_control: { type: 'ephemeral', ttl: '1h' },
      messages: [
        ...base.messages,
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'a' },
            { type: 'thinking', thinking: 'b', signature: 's' },
          ],
        },
      ],
    });
    assert.deepEqual(messages[1]?.blocks[0], { cache: { ttl: '1h' }, type: 'text', text: 'a' });
    assert.equal('cache' in Object(messages[0]?.blocks[0]), false);
  });

  test('may ask for a count without a limit', () => {
    const { max_tokens: _limit, ...rest } = base;
    assert.equal(decodeMessages(rest, true).maxOutputTokens, undefined);
  });
});

describe('content', () => {
  test('of every kind', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } };
    const list = [
      {
        type: 'text',
        text: 'a',
        citations: [{ type: 'char_location' }],
        cache_control: { type: 'ephemeral' },
      },
      image,
      { type: 'image', source: { type: 'url', url: 'https://port.example/4.png' } },
      { type: 'image', source: { type: 'file', file_id: 'file_1' } },
      {
        type: 'document',
        source: { type: 'text', media_type: 'text/plain', data: 'Zoë' },
        title: 't',
        context: 'c',
        citations: { enabled: true },
      },
      {
        type: 'tool_result',
        tool_use_id: 'x',
        is_error: true,
        content: [{ type: 'text', text: 'no' }, image],
      },
      { type: 'tool_result', tool_use_id: 'y' },
    ];
    const source = { kind: 'base64', mimeType: 'image/png', data: 'AA==' };
    assert.deepEqual(blocks(list), [
      { type: 'text', text: 'a', citations: [{ type: 'char_location' }], cache: {} },
      { type: 'image', source },
      { type: 'image', source: { kind: 'url', url: 'https://port.example/4.png' } },
      { type: 'image', source: { kind: 'file-id', protocol: 'anthropic-messages', id: 'file_1' } },
      {
        type: 'document',
        source: { kind: 'base64', mimeType: 'text/plain', data: 'Wm/Dqw==' },
        name: 't',
        context: 'c',
        citations: true,
      },
      {
        type: 'tool-result',
        id: 'x',
        isError: true,
        blocks: [
          { type: 'text', text: 'no' },
          { type: 'image', source },
        ],
      },
      { type: 'tool-result', id: 'y', blocks: [] },
    ]);
  });

  test('of kinds and sources that we do not know stays whole', () => {
    const unknown = [
      { type: 'search_result', source: 's', title: 't', content: [] },
      { type: 'image', source: { type: 'later', where: 'there' } },
      { type: 'document', source: { type: 'content', content: [] } },
    ];
    assert.deepEqual(
      blocks(unknown),
      unknown.map((raw) => ({ type: 'opaque', protocol: 'anthropic-messages', raw })),
    );
  });

  test('of an assistant: calls as text, thoughts with what their family wants back', () => {
    const gemini = { family: 'gemini', payload: 'Zm9v.Ω' } as const;
    assert.deepEqual(
      blocks(
        [
          { type: 'thinking', thinking: 'a', signature: 'c2ln' },
          { type: 'thinking', thinking: 'b', signature: wrapSignature(gemini) },
          { type: 'thinking', thinking: 'c', signature: wrapSignature(undefined) },
          { type: 'redacted_thinking', data: 'cmVk' },
          { type: 'thinking', thinking: '', signature: wrapSignature(gemini, 'next') },
          { type: 'tool_use', id: 'x', name: 'find_crane', input: { pier: 4 } },
          { type: 'tool_use', id: 'y', name: 'find_crane', input: {} },
          { type: 'text', text: 'd' },
          { type: 'thinking', thinking: '', signature: wrapSignature(gemini, 'prev') },
          { type: 'thinking', thinking: '', signature: wrapSignature(gemini, 'text') },
        ],
        'assistant',
      ),
      [
        { type: 'reasoning', text: 'a', carry: { family: 'anthropic', payload: 'c2ln' } },
        { type: 'reasoning', text: 'b', carry: gemini },
        { type: 'reasoning', text: 'c' },
        { type: 'reasoning', text: '', redacted: true, carry: { family: 'anthropic', payload: 'cmVk' } },
        {
          type: 'tool-call',
          kind: 'function',
          id: 'x',
          name: 'find_crane',
          arguments: '{"pier":4}',
          carry: gemini,
        },
        { type: 'tool-call', kind: 'function', id: 'y', name: 'find_crane', arguments: '{}' },
        { type: 'text', text: 'd', carry: gemini },
        { type: 'text', text: '', carry: gemini },
      ],
    );
  });
});

describe('a mistake is named where it is', () => {
  const wrong: readonly [object, string][] = [
    [{ max_tokens: undefined }, 'max_tokens'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ model: 5 }, 'model'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'hi' }, 'messages'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: ['x'] }] }, 'messages.0.content.0'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages.0.content.0.text'],
    [{ messages: [{ role: 'user', content: [{}] }] }, 'messages.0.content.0.type'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', data: 'x' } }] }] },
      'messages.0.content.0.source.media_type',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'tool_result', content: 'x' }] }] },
      'messages.0.content.0.tool_use_id',
    ],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'x', name: 'n', input: 'x' }] }] },
      'messages.0.content.0.input',
    ],
    [{ temperature: 1.5 }, 'temperature'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ stream: 'yes' }, 'stream'],
    [{ system: [{ type: 'text' }] }, 'system.0.text'],
    [{ stop_sequences: [1] }, 'stop_sequences.0'],
    [{ tools: [{ name: 'a' }] }, 'tools.0.input_schema'],
    [{ tools: [{ name: 'a', input_schema: {} }], tool_choice: { type: 'some' } }, 'tool_choice.type'],
    [{ thinking: { type: 'enabled' } }, 'thinking.budget_tokens'],
    [{ thinking: { type: 'enabled', budget_tokens: 10 } }, 'thinking.budget_tokens'],
    [{ thinking: { type: 'much' } }, 'thinking.type'],
    [{ output_config: { effort: 'huge' } }, 'output_config.effort'],
  ];
  for (const [changes, param] of wrong) {
    test(`${param} in ${JSON.stringify(changes)}`, () => {
      assert.throws(
        () => decode(changes),
        (thrown: unknown) =>
          thrown instanceof GatewayError && thrown.code === 'invalid_request' && thrown.param === param,
      );
    });
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, FunctionTool, ToolChoice } from '../../../core/request.ts';
import { encodeConverse } from './encode.ts';
import { chatRequest, claude, llama, mistral, nova, oldClaude, question } from './fixtures/requests.ts';

const tide: FunctionTool = {
  kind: 'function',
  name: 'tide',
  description: 'When the water turns.',
  parameters: { properties: { at: { type: 'string' } } },
};
const moor: FunctionTool = { kind: 'function', name: 'moor' };
const wireTide = {
  toolSpec: {
    name: 'tide',
    description: 'When the water turns.',
    inputSchema: { json: { properties: { at: { type: 'string' } }, type: 'object' } },
  },
};
const wireMoor = { toolSpec: { name: 'moor', inputSchema: { json: { type: 'object', properties: {} } } } };

const history: readonly Message[] = [
  question,
  {
    role: 'assistant',
    blocks: [{ type: 'tool-call', id: 'call00001', name: 'tide', arguments: '', kind: 'function' }],
  },
  {
    role: 'user',
    blocks: [{ type: 'tool-result', id: 'call00001', blocks: [{ type: 'text', text: 'low' }] }],
  },
];

function encode(changes: Partial<ChatRequest>, model: ModelInfo = claude) {
  const { body, dropped } = encodeConverse(chatRequest(changes), model);
  const wire: unknown = JSON.parse(JSON.stringify(body));
  return {
    config: (wire as { toolConfig?: { tools: unknown[]; toolChoice?: unknown } }).toolConfig,
    dropped,
  };
}

describe('tools', () => {
  test('keep their schema, with an object at the root', () => {
    assert.deepEqual(encode({ tools: [tide, moor] }), {
      config: { tools: [wireTide, wireMoor] },
      dropped: [],
    });
  });

  test('an empty description goes', () => {
    assert.deepEqual(encode({ tools: [{ ...moor, description: ' ' }] }).config?.tools, [wireMoor]);
  });

  test('strict goes along where schemas are native', () => {
    const tools = [{ ...moor, strict: true }];
    assert.deepEqual(encode({ tools }).config?.tools, [{ toolSpec: { ...wireMoor.toolSpec, strict: true } }]);
    assert.deepEqual(encode({ tools }, oldClaude), {
      config: { tools: [wireMoor] },
      dropped: ['tools.strict'],
    });
  });

  test('marks stand behind a tool, but never at Nova', () => {
    const tools = [{ ...moor, cache: {} }];
    assert.deepEqual(encode({ tools }).config?.tools, [wireMoor, { cachePoint: { type: 'default' } }]);
    assert.deepEqual(encode({ tools }, nova).config?.tools, [wireMoor]);
  });

  test('free-text tools take one string, server tools cannot go', () => {
    const { config, dropped } = encode({
      tools: [
        { kind: 'custom', name: 'note', format: { type: 'grammar' } },
        { kind: 'server', protocol: 'openai-chat', raw: {} },
      ],
    });
    const json = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };
    assert.deepEqual(config?.tools, [{ toolSpec: { name: 'note', inputSchema: { json } } }]);
    assert.deepEqual([...dropped].sort(), ['tools', 'tools.custom.format']);
  });

  test('a name that does not fit is refused here, in words', () => {
    assert.throws(() => encode({ tools: [{ kind: 'function', name: 'harbour.tide' }] }), {
      code: 'unsupported',
      message: /"harbour\.tide" does not fit/,
    });
  });
});

describe('choice', () => {
  const auto = { auto: {} };
  const any = { any: {} };
  const one = { tool: { name: 'tide' } };
  const both = [wireTide, wireMoor];
  const table: readonly (readonly [
    string,
    ToolChoice,
    ModelInfo,
    readonly unknown[],
    unknown,
    readonly string[],
  ])[] = [
    ['auto', { kind: 'auto' }, claude, both, auto, []],
    ['required', { kind: 'required' }, claude, both, any, []],
    ['one by name', { kind: 'tool', name: 'tide' }, nova, both, one, []],
    ['one by name at Mistral, which knows any', { kind: 'tool', name: 'tide' }, mistral, [wireTide], any, []],
    ['required at Llama, which knows neither', { kind: 'required' }, llama, both, auto, ['tool_choice']],
    ['some of them', { kind: 'subset', names: ['moor'], required: false }, claude, [wireMoor], auto, []],
    [
      'some of them, required',
      { kind: 'subset', names: ['moor'], required: true },
      claude,
      [wireMoor],
      any,
      [],
    ],
  ];
  for (const [name, toolChoice, model, tools, choice, dropped] of table) {
    test(name, () => {
      assert.deepEqual(encode({ tools: [tide, moor], toolChoice }, model), {
        config: { tools, toolChoice: choice },
        dropped,
      });
    });
  }

  test('thinking wins over a forced choice', () => {
    const { config, dropped } = encode({
      tools: [tide],
      toolChoice: { kind: 'required' },
      reasoning: { mode: 'on', budgetTokens: 2000 },
    });
    assert.deepEqual(config?.toolChoice, auto);
    assert.deepEqual(dropped, ['tool_choice']);
  });

  test('none leaves the tools out', () => {
    assert.deepEqual(encode({ tools: [tide], toolChoice: { kind: 'none' } }), {
      config: undefined,
      dropped: [],
    });
  });

  test('none with calls in the history keeps them, and says that it could not be kept', () => {
    assert.deepEqual(encode({ tools: [tide], toolChoice: { kind: 'none' }, messages: history }), {
      config: { tools: [wireTide] },
      dropped: ['tool_choice'],
    });
  });

  test('calls in the history without any tools name theirs', () => {
    assert.deepEqual(encode({ messages: history }), {
      config: { tools: [{ toolSpec: { name: 'tide', inputSchema: { json: { type: 'object' } } } }] },
      dropped: [],
    });
  });

  test('one call at a time cannot be said', () => {
    assert.deepEqual(encode({ tools: [tide], parallelTools: false }).dropped, ['parallel_tool_calls']);
    assert.deepEqual(encode({ parallelTools: false }).dropped, []);
  });
});

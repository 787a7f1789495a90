import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, FunctionTool } from '../../../core/request.ts';
import { crane, encode, refuses, text, turns } from './fixtures/encoded.ts';
import { assistant, call, result, user } from './fixtures/requests.ts';

describe('tool calls and results', () => {
  test('results of one turn go into one user turn, in front, whatever stood between them', () => {
    const calls: Message = {
      role: 'assistant',
      blocks: [...call('a').blocks, ...call('b', '').blocks, ...call('c', ' null ').blocks],
    };
    assert.deepEqual(turns([user('go'), calls, result('b'), user('and?'), result('a', ''), result('c')]), [
      { role: 'user', content: [text('go')] },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'find_crane', input: { pier: 4 } },
          { type: 'tool_use', id: 'b', name: 'find_crane', input: {} },
          { type: 'tool_use', id: 'c', name: 'find_crane', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'b', content: 'free' },
          { type: 'tool_result', tool_use_id: 'a', content: '' },
          { type: 'tool_result', tool_use_id: 'c', content: 'free' },
          text('and?'),
        ],
      },
    ]);
  });

  test('calls without results and results without calls are told', () => {
    refuses('invalid_request', () => turns([user('a'), call('x1'), user('b')]), /"x1" has no result/);
    refuses('invalid_request', () => turns([user('a'), call('x1')]), /"x1" has no result/);
    refuses('invalid_request', () => turns([user('a'), result('x2')]), /"x2" answers no call/);
    refuses(
      'invalid_request',
      () => turns([user('a'), call('x1'), result('x1'), assistant('b'), result('x1')]),
      /"x1" answers no call/,
    );
  });

  test('of two results for one call the later stands', () => {
    const { body, dropped } = encode({
      messages: [user('a'), call('x'), result('x', 'old'), result('x', 'new')],
    });
    assert.deepEqual(dropped, ['messages.tool_result']);
    assert.deepEqual(Object(body['messages'])[2].content, [
      { type: 'tool_result', tool_use_id: 'x', content: 'new' },
    ]);
  });

  test('ids outside the charset map the same in every turn, and never onto each other', () => {
    const ids = (name: string): unknown => {
      const [, made, answered] = Object(turns([user('a'), call(name), result(name)]));
      assert.equal(made.content[0].id, answered.content[0].tool_use_id);
      return made.content[0].id;
    };
    assert.equal(ids('call_ok-1'), 'call_ok-1');
    assert.match(String(ids('call.1:x')), /^call_1_x_[0-9a-f]{12}$/);
    assert.equal(ids('call.1:x'), ids('call.1:x'));
    assert.notEqual(ids('call.1:x'), ids('call:1.x'));
    assert.match(String(ids('')), /^[a-zA-Z0-9_-]+$/);
  });

  test('arguments that are no object are kept under a name that says so', () => {
    const { body, dropped } = encode({ messages: [user('a'), call('x', '{"pier":'), result('x')] });
    assert.deepEqual(Object(body['messages'])[1].content[0].input, { _raw_arguments: '{"pier":' });
    assert.deepEqual(dropped, ['tool_calls.arguments']);
  });

  test('a failed result says so, and is never empty', () => {
    const failed: Message = {
      role: 'user',
      blocks: [{ type: 'tool-result', id: 'x', isError: true, blocks: [] }],
    };
    assert.deepEqual(Object(turns([user('a'), call('x'), failed]))[2].content, [
      {
        type: 'tool_result',
        tool_use_id: 'x',
        content: 'The tool failed and said nothing.',
        is_error: true,
      },
    ]);
  });

  test('images come back in results', () => {
    const picture: Message = {
      role: 'user',
      blocks: [
        {
          type: 'tool-result',
          id: 'x',
          blocks: [
            { type: 'text', text: 'Seen:' },
            { type: 'image', source: { kind: 'base64', mimeType: 'image/jpeg', data: 'iVBORw0KGgoAAAA' } },
          ],
        },
      ],
    };
    assert.deepEqual(Object(turns([user('a'), call('x'), picture]))[2].content[0].content, [
      text('Seen:'),
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgoAAAA' } },
    ]);
  });
});

describe('tools', () => {
  const tool = (changes: Partial<FunctionTool>, model: Partial<ModelInfo> = {}) => {
    const { body, dropped } = encode({ tools: [{ ...crane, ...changes }] }, model);
    return { tool: Object(body['tools'])[0], dropped };
  };

  test('have an object at the root', () => {
    const { parameters: _none, ...bare } = crane;
    assert.deepEqual(encode({ tools: [bare] }).body['tools'], [
      { name: 'find_crane', input_schema: { type: 'object', properties: {} } },
    ]);
    assert.deepEqual(tool({ parameters: { properties: {} } }).tool.input_schema, {
      properties: {},
      type: 'object',
    });
    const pier = { type: 'object', properties: { pier: { type: 'integer' } } };
    assert.deepEqual(
      tool({ parameters: { $ref: '#/$defs/Pier', $defs: { Pier: pier } } }).tool.input_schema,
      { $defs: { Pier: pier }, ...pier },
    );
  });

  test('branches at the root become one object that demands what all of them do', () => {
    const parameters = {
      anyOf: [
        { type: 'object', properties: { a: { type: 'string' }, n: {} }, required: ['a', 'n'] },
        { type: 'object', properties: { b: { type: 'string' }, n: {} }, required: ['n'] },
      ],
    };
    const made = tool({ parameters });
    assert.deepEqual(made.tool.input_schema, {
      type: 'object',
      properties: { a: { type: 'string' }, n: {}, b: { type: 'string' } },
      required: ['n'],
    });
    assert.deepEqual(made.dropped, ['tools.input_schema.anyOf']);
    assert.equal(parameters.anyOf.length, 2);
  });

  test('strict ones are closed, and strict only where the model is', () => {
    const parameters = { type: 'object', properties: { pier: { type: 'integer', minimum: 1 } } };
    const made = tool({ strict: true, parameters });
    assert.deepEqual(made.tool, {
      name: 'find_crane',
      input_schema: {
        type: 'object',
        properties: { pier: { type: 'integer', description: '{minimum: 1}' } },
        additionalProperties: false,
      },
      strict: true,
    });
    assert.deepEqual(made.dropped, ['tools.input_schema.minimum']);
    assert.deepEqual(tool({ strict: true }, { nativeSchema: false }).dropped, ['tools.strict']);
  });

  const choices: readonly [string, Partial<ChatRequest>, unknown][] = [
    ['nothing said', {}, undefined],
    ['auto', { toolChoice: { kind: 'auto' } }, { type: 'auto' }],
    ['none', { toolChoice: { kind: 'none' }, parallelTools: false }, { type: 'none' }],
    ['required', { toolChoice: { kind: 'required' } }, { type: 'any' }],
    [
      'one by name, one at a time',
      { toolChoice: { kind: 'tool', name: 'find_crane' }, parallelTools: false },
      { type: 'tool', name: 'find_crane', disable_parallel_tool_use: true },
    ],
    ['one at a time alone', { parallelTools: false }, { type: 'auto', disable_parallel_tool_use: true }],
    ['a subset', { toolChoice: { kind: 'subset', names: ['find_crane'], required: true } }, { type: 'any' }],
  ];
  for (const [name, changes, expected] of choices) {
    test(`are chosen: ${name}`, () => {
      const tools = [crane, { ...crane, name: 'book_crane' }];
      const { body } = encode({ ...changes, tools });
      assert.deepEqual(body['tool_choice'], expected);
      assert.equal(Object(body['tools']).length, changes.toolChoice?.kind === 'subset' ? 1 : 2);
    });
  }

  test('no tools, no choice', () => {
    const { body } = encode({ toolChoice: { kind: 'required' }, parallelTools: false });
    assert.equal('tool_choice' in body || 'tools' in body, false);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Block, Message, ToolCallBlock } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, FunctionTool } from '../../../core/request.ts';
import { createGeminiCodec } from './codec.ts';
import { chatRequest, geminiModel } from './fixtures/requests.ts';

const flash2 = geminiModel('gemini-2.0-flash');
const flash25 = geminiModel('gemini-2.5-flash');
const pro25 = geminiModel('gemini-2.5-pro');
const flash3 = geminiModel('gemini-3-flash-preview');
const pro3 = geminiModel('gemini-3-pro-preview');

interface Sent {
  readonly body: Readonly<Record<string, unknown>>;
  readonly dropped: readonly string[];
}

function encode(changes: Partial<ChatRequest>, model: ModelInfo = flash25): Sent {
  const request = chatRequest(changes);
  const before = JSON.stringify(request);
  const { body, dropped } = createGeminiCodec(model, { errorRows: [], now: () => 0 }).encode(request);
  assert.equal(JSON.stringify(request), before, 'the request was changed');
  return { body: JSON.parse(JSON.stringify(body)), dropped };
}

const text = (value: string): Block => ({ type: 'text', text: value });
const user = (...blocks: Block[]): Message => ({ role: 'user', blocks });
const assistant = (...blocks: Block[]): Message => ({ role: 'assistant', blocks });
const call = (id: string, changes: Partial<ToolCallBlock> = {}): ToolCallBlock => ({
  type: 'tool-call',
  id,
  name: 'tide',
  arguments: '{"pier":"A"}',
  kind: 'function',
  ...changes,
});
const result = (id: string, value: string, more: object = {}): Block => ({
  type: 'tool-result',
  id,
  blocks: [text(value)],
  ...more,
});
const tide: FunctionTool = {
  kind: 'function',
  name: 'tide',
  parameters: { type: 'object', properties: { pier: { type: 'string' } }, additionalProperties: false },
};

describe('turns', () => {
  test('system texts stay apart; roles are user and model; neighbours are one turn', () => {
    const { body } = encode({
      system: [
        { type: 'text', text: 'Be brief.' },
        { type: 'text', text: ' ' },
        { type: 'text', text: 'Be kind.' },
      ],
      messages: [user(text('a')), user(text(''), text('b')), assistant(text('c')), assistant(text('d'))],
    });
    assert.deepEqual(body, {
      systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] },
      contents: [
        { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
        { role: 'model', parts: [{ text: 'c' }, { text: 'd' }] },
      ],
    });
  });

  test('a system message between turns stays in place, marked', () => {
    const { body, dropped } = encode({
      messages: [user(text('a')), { role: 'system', blocks: [text('Hurry.')] }, assistant(text('b'))],
    });
    assert.deepEqual(body['contents'], [
      { role: 'user', parts: [{ text: 'a' }, { text: '<system-reminder>\nHurry.\n</system-reminder>' }] },
      { role: 'model', parts: [{ text: 'b' }] },
    ]);
    assert.deepEqual(dropped, ['messages.role=system']);
  });

  test('a turn that comes to nothing lets its neighbours meet', () => {
    const { body } = encode({ messages: [user(text('a')), assistant(text('')), user(text('b'))] });
    assert.deepEqual(body['contents'], [{ role: 'user', parts: [{ text: 'a' }, { text: 'b' }] }]);
  });

  test('no turn at all is the caller’s mistake', () => {
    assert.throws(() => encode({ messages: [] }), { code: 'invalid_request' });
    assert.throws(() => encode({ messages: [user(text(''))] }), { code: 'invalid_request' });
  });
});

describe('calls and results', () => {
  test('results find their names through the ids, stand first and in the order of the calls', () => {
    const { body } = encode({
      messages: [
        user(text('go')),
        assistant(text('Looking.'), call('c1'), call('c2', { name: 'now', arguments: '' })),
        user(result('c2', 'noon')),
        user(text('well?'), result('c1', '{"high":"06:12"}')),
      ],
    });
    assert.deepEqual(body['contents'], [
      { role: 'user', parts: [{ text: 'go' }] },
      {
        role: 'model',
        parts: [
          { text: 'Looking.' },
          { functionCall: { name: 'tide', args: { pier: 'A' } } },
          { functionCall: { name: 'now', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'tide', response: { high: '06:12' } } },
          { functionResponse: { name: 'now', response: { output: 'noon' } } },
          { text: 'well?' },
        ],
      },
    ]);
  });

  const results: readonly (readonly [string, string, object, object])[] = [
    ['plain text is wrapped', 'noon', {}, { output: 'noon' }],
    ['an array is wrapped', '[1]', {}, { output: '[1]' }],
    ['a scalar is wrapped', '7', {}, { output: '7' }],
    ['an object is itself', ' {"a":1}', {}, { a: 1 }],
    ['broken JSON is text', '{"a":', {}, { output: '{"a":' }],
    ['a $ref stays text', '{"a":{"$ref":"#/x"}}', {}, { output: '{"a":{"$ref":"#/x"}}' }],
    [
      'a long number stays text',
      '{"id":12345678901234567890}',
      {},
      { output: '{"id":12345678901234567890}' },
    ],
    ['an error says so', 'no such pier', { isError: true }, { error: 'no such pier' }],
    ['nothing is an empty output', '', {}, { output: '' }],
  ];
  for (const [name, value, more, response] of results) {
    test(`a result: ${name}`, () => {
      const { body } = encode({
        messages: [user(text('a')), assistant(call('c1')), user(result('c1', value, more))],
      });
      assert.deepEqual(body['contents'], [
        { role: 'user', parts: [{ text: 'a' }] },
        { role: 'model', parts: [{ functionCall: { name: 'tide', args: { pier: 'A' } } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'tide', response } }] },
      ]);
    });
  }

  test('a call without its result, a result without its call: the caller’s mistake', () => {
    const calls = [user(text('a')), assistant(call('c1'), call('c2'))];
    assert.throws(() => encode({ messages: [...calls, user(result('c1', 'x'))] }), /"c2" has no result/);
    assert.throws(
      () => encode({ messages: [user(text('a')), user(result('zz', 'x'))] }),
      /"zz" answers no call/,
    );
    const apart = [user(text('a')), assistant(call('c1')), user(text('b')), assistant(text('c'))];
    assert.throws(() => encode({ messages: apart }), { code: 'invalid_request' });
  });

  test('of two results for one call the later counts', () => {
    const { body, dropped } = encode({
      messages: [user(text('a')), assistant(call('c1')), user(result('c1', 'old'), result('c1', 'new'))],
    });
    assert.match(JSON.stringify(body), /"output":"new"/);
    assert.doesNotMatch(JSON.stringify(body), /old/);
    assert.deepEqual(dropped, ['tool_result']);
  });

  test('arguments that are no object are kept under a name that says so', () => {
    const { body, dropped } = encode({
      messages: [user(text('a')), assistant(call('c1', { arguments: '{"pier":"' })), user(result('c1', 'x'))],
    });
    assert.match(JSON.stringify(body), /"args":\{"_raw_arguments":"\{\\"pier\\":\\""\}/);
    assert.deepEqual(dropped, ['tool_calls.arguments']);
  });

  test('an image in a result: inside on Gemini 3, beside it on older models', () => {
    const image: Block = {
      type: 'image',
      source: { kind: 'base64', mimeType: 'image/jpg', data: 'iVBORw0KGgoAAA' },
    };
    const messages = [
      user(text('a')),
      assistant(call('c1')),
      user({ type: 'tool-result', id: 'c1', blocks: [text('seen'), image] }),
    ];
    const inlineData = { mimeType: 'image/png', data: 'iVBORw0KGgoAAA' };
    const last = (model: ModelInfo): unknown => {
      const { body } = encode({ messages }, model);
      return Array.isArray(body['contents']) ? body['contents'].at(-1).parts : undefined;
    };
    assert.deepEqual(last(flash3), [
      { functionResponse: { name: 'tide', response: { output: 'seen' }, parts: [{ inlineData }] } },
    ]);
    assert.deepEqual(last(flash25), [
      { functionResponse: { name: 'tide', response: { output: 'seen' } } },
      { inlineData },
    ]);
  });
});

describe('signatures', () => {
  const carry = { family: 'gemini', payload: 'c2ln+/==' } as const;

  test('go back byte-identical on calls, text, thoughts and an empty last part', () => {
    const { body } = encode({
      messages: [
        user(text('a')),
        assistant(
          { type: 'reasoning', text: 'hm', carry },
          { type: 'text', text: 'b', carry },
          call('c1', { carry }),
          call('c2'),
        ),
        user(result('c1', 'x'), result('c2', 'y')),
        assistant({ type: 'text', text: '', carry }),
      ],
    });
    const parts = (body['contents'] as { parts: object[] }[]).flatMap((content) => content.parts);
    const signed = { thoughtSignature: carry.payload };
    assert.deepEqual(parts.slice(1, 5), [
      { text: 'hm', thought: true, ...signed },
      { text: 'b', ...signed },
      { functionCall: { name: 'tide', args: { pier: 'A' } }, ...signed },
      { functionCall: { name: 'tide', args: { pier: 'A' } } },
    ]);
    assert.deepEqual(parts.at(-1), { text: '', ...signed });
  });

  test('of other families go to nobody, and neither do their thoughts', () => {
    const foreign = { family: 'anthropic', payload: 'secret' } as const;
    const { body } = encode({
      messages: [
        user(text('a')),
        assistant({ type: 'reasoning', text: 'mine', carry: foreign }, text('b')),
        user(text('c')),
      ],
    });
    assert.doesNotMatch(JSON.stringify(body), /secret|mine/);
  });

  test('Gemini 3 is told to skip the check for the first call that no Gemini made, older models are not', () => {
    const messages = [
      user(text('a')),
      assistant(call('c1'), call('c2')),
      user(result('c1', 'x'), result('c2', 'y')),
    ];
    const count = (model: ModelInfo): number =>
      JSON.stringify(encode({ messages }, model).body).split('"skip_thought_signature_validator"').length - 1;
    assert.equal(count(flash3), 1);
    assert.equal(count(pro3), 1);
    assert.equal(count(flash25), 0);
  });
});

describe('media', () => {
  const one = (block: Block, model = flash25): unknown =>
    (encode({ messages: [user(block)] }, model).body['contents'] as { parts: object[] }[])[0]?.parts[0];
  const inline = (mimeType: string, data = 'AAAA') => ({ kind: 'base64', mimeType, data }) as const;

  test('bytes are inline, with the type that they have', () => {
    assert.deepEqual(one({ type: 'image', source: inline('image/png', '/9j/AA') }), {
      inlineData: { mimeType: 'image/jpeg', data: '/9j/AA' },
    });
    assert.deepEqual(one({ type: 'document', source: inline('application/pdf') }), {
      inlineData: { mimeType: 'application/pdf', data: 'AAAA' },
    });
    assert.deepEqual(one({ type: 'audio', source: inline('audio/wav') }), {
      inlineData: { mimeType: 'audio/wav', data: 'AAAA' },
    });
  });

  test('an address goes with a type, told or read off its ending', () => {
    const at = (url: string, mimeType?: string): Block => ({
      type: 'image',
      source: { kind: 'url', url, ...(mimeType === undefined ? {} : { mimeType }) },
    });
    assert.deepEqual(one(at('gs://dock/a.PNG')), {
      fileData: { fileUri: 'gs://dock/a.PNG', mimeType: 'image/png' },
    });
    assert.deepEqual(one(at('https://x.test/a.webp?w=2')), {
      fileData: { fileUri: 'https://x.test/a.webp?w=2', mimeType: 'image/webp' },
    });
    assert.deepEqual(one(at('https://x.test/a', 'image/heic')), {
      fileData: { fileUri: 'https://x.test/a', mimeType: 'image/heic' },
    });
    assert.deepEqual(one(at('https://x.test/a')), {
      fileData: { fileUri: 'https://x.test/a', mimeType: 'image/jpeg' },
    });
  });

  test('a file stored elsewhere cannot be sent', () => {
    const source = { kind: 'file-id', protocol: 'openai-chat', id: 'file-1' } as const;
    assert.throws(() => one({ type: 'document', source }), { code: 'unsupported' });
  });

  test('detail: a resolution for the part on Gemini 3, told as dropped before', () => {
    const block: Block = { type: 'image', source: inline('image/png'), detail: 'low' };
    assert.deepEqual(one(block, flash3), {
      inlineData: { mimeType: 'image/png', data: 'AAAA' },
      mediaResolution: { level: 'MEDIA_RESOLUTION_LOW' },
    });
    assert.deepEqual(encode({ messages: [user(block)] }).dropped, ['detail']);
  });
});

describe('tools', () => {
  test('all in one entry; raw JSON Schema where it is taken, the subset before', () => {
    const bare: FunctionTool = { kind: 'function', name: 'now', description: 'The time.' };
    assert.deepEqual(encode({ tools: [tide, bare] }).body['tools'], [
      {
        functionDeclarations: [
          { name: 'tide', parametersJsonSchema: tide.parameters },
          { name: 'now', description: 'The time.' },
        ],
      },
    ]);
    assert.deepEqual(encode({ tools: [tide] }, flash2).body['tools'], [
      {
        functionDeclarations: [
          { name: 'tide', parameters: { type: 'OBJECT', properties: { pier: { type: 'STRING' } } } },
        ],
      },
    ]);
  });

  const choices: readonly (readonly [ChatRequest['toolChoice'], object | undefined])[] = [
    [undefined, undefined],
    [{ kind: 'auto' }, { mode: 'AUTO' }],
    [{ kind: 'none' }, { mode: 'NONE' }],
    [{ kind: 'required' }, { mode: 'ANY' }],
    [
      { kind: 'tool', name: 'tide' },
      { mode: 'ANY', allowedFunctionNames: ['tide'] },
    ],
    [
      { kind: 'subset', names: ['tide'], required: true },
      { mode: 'ANY', allowedFunctionNames: ['tide'] },
    ],
    [
      { kind: 'subset', names: ['tide'], required: false },
      { mode: 'VALIDATED', allowedFunctionNames: ['tide'] },
    ],
  ];
  for (const [toolChoice, expected] of choices) {
    test(`tool choice ${JSON.stringify(toolChoice)}`, () => {
      const { body } = encode({ tools: [tide], ...(toolChoice === undefined ? {} : { toolChoice }) });
      assert.deepEqual(
        body['toolConfig'],
        expected === undefined ? undefined : { functionCallingConfig: expected },
      );
    });
  }

  test('a subset without VALIDATED is the tools that are left', () => {
    const other: FunctionTool = { kind: 'function', name: 'other' };
    const toolChoice = { kind: 'subset', names: ['tide'], required: false } as const;
    const { body } = encode({ tools: [tide, other], toolChoice }, flash2);
    assert.doesNotMatch(JSON.stringify(body), /other/);
    assert.deepEqual(body['toolConfig'], { functionCallingConfig: { mode: 'AUTO' } });
  });

  test('strict arguments are asked for by VALIDATED', () => {
    const { body } = encode({ tools: [{ ...tide, strict: true }] });
    assert.deepEqual(body['toolConfig'], { functionCallingConfig: { mode: 'VALIDATED' } });
  });

  test('a choice without tools, and parallel calls that cannot be forbidden', () => {
    assert.equal(encode({ toolChoice: { kind: 'required' } }).body['toolConfig'], undefined);
    assert.deepEqual(encode({ tools: [tide], parallelTools: false }).dropped, ['parallel_tool_calls']);
    assert.deepEqual(encode({ parallelTools: false }).dropped, []);
  });

  test('a bad name is the same in the declaration, the choice, the history and the result', () => {
    const { body } = encode({
      tools: [{ ...tide, name: '2nd tide' }],
      toolChoice: { kind: 'tool', name: '2nd tide' },
      messages: [user(text('a')), assistant(call('c1', { name: '2nd tide' })), user(result('c1', 'x'))],
    });
    const names = [...JSON.stringify(body).matchAll(/_2nd_tide_gw[0-9a-f]{12}/g)].map(([name]) => name);
    assert.equal(names.length, 4);
    assert.equal(new Set(names).size, 1);
  });
});

describe('settings', () => {
  test('what has a place', () => {
    const { body, dropped } = encode({
      maxOutputTokens: 100,
      temperature: 0,
      topP: 0.5,
      topK: 3,
      stop: ['END'],
      seed: 0,
      frequencyPenalty: -1,
      presencePenalty: 1,
      choices: 2,
      logprobs: { top: 3 },
    });
    assert.deepEqual(body['generationConfig'], {
      maxOutputTokens: 100,
      stopSequences: ['END'],
      candidateCount: 2,
      temperature: 0,
      topP: 0.5,
      topK: 3,
      frequencyPenalty: -1,
      presencePenalty: 1,
      seed: 0,
      responseLogprobs: true,
      logprobs: 3,
    });
    assert.deepEqual(dropped, []);
  });

  test('what has none is told', () => {
    const { body, dropped } = encode({
      logitBias: { '5': 1 },
      verbosity: 'low',
      endUser: 'u',
      metadata: { a: 'b' },
      serviceTier: 'flex',
      cacheKey: 'k',
      seed: 2 ** 40,
      extensions: { prediction: {} },
    });
    assert.equal(body['generationConfig'], undefined);
    assert.deepEqual(
      [...dropped].sort(),
      ['logit_bias', 'metadata', 'prediction', 'seed', 'service_tier', 'user', 'verbosity'].sort(),
    );
  });

  test('more stop sequences than it takes cannot be sent', () => {
    assert.throws(() => encode({ stop: ['1', '2', '3', '4', '5', '6'] }), {
      code: 'unsupported',
      param: 'stop',
    });
  });

  test('the model’s own limit holds', () => {
    const { body } = encode({ maxOutputTokens: 90_000 }, { ...flash25, maxOutputTokens: 65_536 });
    assert.deepEqual(body['generationConfig'], { maxOutputTokens: 65_536 });
  });

  const schema = { type: 'object', properties: { high: { type: 'string' } }, additionalProperties: false };
  test('a schema: raw where taken, the subset before, in words beside tools on older models', () => {
    const format = { kind: 'schema', schema } as const;
    assert.deepEqual(encode({ format }).body['generationConfig'], {
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
    assert.deepEqual(encode({ format }, flash2).body['generationConfig'], {
      responseMimeType: 'application/json',
      responseSchema: { type: 'OBJECT', properties: { high: { type: 'STRING' } } },
    });
    const told = encode({ format, tools: [tide] });
    assert.equal(told.body['generationConfig'], undefined);
    assert.match(JSON.stringify(told.body['systemInstruction']), /JSON Schema/);
    assert.deepEqual(told.dropped, ['response_format']);
    assert.ok(encode({ format, tools: [tide] }, flash3).body['generationConfig']);
    assert.deepEqual(encode({ format: { kind: 'json' } }).body['generationConfig'], {
      responseMimeType: 'application/json',
    });
  });
});

describe('thinking', () => {
  type Asked = NonNullable<ChatRequest['reasoning']>;
  const table: readonly (readonly [string, ModelInfo, Asked, object | undefined, readonly string[]])[] = [
    ['off', flash25, { mode: 'off' }, { thinkingBudget: 0 }, []],
    ['off where it cannot be', pro25, { mode: 'off' }, { thinkingBudget: 128 }, ['reasoning']],
    [
      'up to the model',
      flash25,
      { mode: 'auto', show: 'summary' },
      { thinkingBudget: -1, includeThoughts: true },
      [],
    ],
    ['a budget', flash25, { mode: 'on', budgetTokens: 3000 }, { thinkingBudget: 3000 }, []],
    ['a budget past the most', flash25, { mode: 'on', budgetTokens: 90_000 }, { thinkingBudget: 24_576 }, []],
    ['a budget under the least', pro25, { mode: 'on', budgetTokens: 5 }, { thinkingBudget: 128 }, []],
    ['an effort as a budget', flash25, { mode: 'on', effort: 'medium' }, { thinkingBudget: 8192 }, []],
    ['no effort', flash25, { mode: 'on', effort: 'none' }, { thinkingBudget: 0 }, []],
    [
      'an effort as a level',
      flash3,
      { mode: 'on', effort: 'low', show: 'full' },
      { thinkingLevel: 'LOW', includeThoughts: true },
      [],
    ],
    ['more than the highest', flash3, { mode: 'on', effort: 'max' }, { thinkingLevel: 'HIGH' }, []],
    ['a level that this one lacks', pro3, { mode: 'on', effort: 'medium' }, { thinkingLevel: 'LOW' }, []],
    ['off as the least level', flash3, { mode: 'off' }, { thinkingLevel: 'MINIMAL' }, []],
    ['off where even that is missing', pro3, { mode: 'off' }, { thinkingLevel: 'LOW' }, ['reasoning']],
    [
      'a budget as a level',
      flash3,
      { mode: 'on', budgetTokens: 10_000 },
      { thinkingLevel: 'MEDIUM' },
      ['thinking.budget_tokens'],
    ],
    ['levels up to the model', flash3, { mode: 'auto' }, undefined, []],
    ['a model that does not think', flash2, { mode: 'on', effort: 'high' }, undefined, ['reasoning']],
    ['a model that does not think, and need not', flash2, { mode: 'off' }, undefined, []],
  ];
  for (const [name, model, reasoning, expected, told] of table) {
    test(name, () => {
      const { body, dropped } = encode({ reasoning: { show: 'none', ...reasoning } }, model);
      assert.deepEqual(
        body['generationConfig'],
        expected === undefined ? undefined : { thinkingConfig: expected },
      );
      assert.deepEqual(dropped, told);
    });
  }

  test('a budget leaves room for an answer', () => {
    const { body } = encode({ reasoning: { mode: 'on', effort: 'high' }, maxOutputTokens: 1000 });
    assert.deepEqual(body['generationConfig'], {
      maxOutputTokens: 1000,
      thinkingConfig: { thinkingBudget: 999, includeThoughts: true },
    });
  });

  test('thoughts are shown unless the caller says otherwise, or there are none', () => {
    const shown = (reasoning: Asked): boolean =>
      JSON.stringify(encode({ reasoning }).body).includes('"includeThoughts":true');
    assert.equal(shown({ mode: 'on', effort: 'low' }), true);
    assert.equal(shown({ mode: 'auto' }), true);
    assert.equal(shown({ mode: 'on', effort: 'low', show: 'none' }), false);
    assert.equal(shown({ mode: 'off' }), false);
    assert.equal(shown({ mode: 'on', effort: 'none' }), false);
  });

  test('a model that nobody knows is judged by its name', () => {
    const unknown = (id: string): ModelInfo => ({ ...geminiModel(id), known: false, thinking: 'effort' });
    const sent = (id: string): unknown =>
      encode({ reasoning: { mode: 'on', effort: 'high' } }, unknown(id)).body['generationConfig'];
    assert.deepEqual(sent('gemini-4-flash'), {
      thinkingConfig: { thinkingLevel: 'HIGH', includeThoughts: true },
    });
    assert.deepEqual(sent('gemini-2.5-flash'), {
      thinkingConfig: { thinkingBudget: 24_576, includeThoughts: true },
    });
    assert.equal(sent('gemini-1.5-pro'), undefined);
  });
});

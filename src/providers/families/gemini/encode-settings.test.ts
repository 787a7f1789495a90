import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, FunctionTool } from '../../../core/request.ts';
import { assistant, call, encode, flash3, flash25, pro3, result, text, user } from './fixtures/encoded.ts';
import { geminiModel } from './fixtures/requests.ts';

const flash2 = geminiModel('gemini-2.0-flash');

const pro25 = geminiModel('gemini-2.5-pro');

const tide: FunctionTool = {
  kind: 'function',
  name: 'tide',
  parameters: { type: 'object', properties: { pier: { type: 'string' } }, additionalProperties: false },
};

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

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../../catalog/catalog.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, Reasoning } from '../../../core/request.ts';
import { encodeConverse } from './encode.ts';
import {
  chatRequest,
  claude,
  claude46,
  gptOss,
  llama,
  mistral,
  nova,
  oldClaude,
  profile,
  question,
} from './fixtures/requests.ts';

type Fields = Readonly<Record<string, unknown>>;

function encode(changes: Partial<ChatRequest>, model: ModelInfo = claude) {
  const { body, dropped } = encodeConverse(chatRequest(changes), model);
  // What goes over the wire is its JSON, so that is what is looked at.
  const wire: unknown = JSON.parse(JSON.stringify(body));
  return { wire: wire as Fields, dropped };
}

/** `encode` and what one field of the body became, with what was dropped. */
function field(name: string, changes: Partial<ChatRequest>, model?: ModelInfo) {
  const { wire, dropped } = encode(changes, model);
  return [wire[name], dropped];
}

test('a plain request holds messages and nothing else', () => {
  assert.deepEqual(encode({}), {
    wire: { messages: [{ role: 'user', content: [{ text: 'Which pier?' }] }] },
    dropped: [],
  });
});

describe('sampling and limits', () => {
  const table: readonly (readonly [string, Partial<ChatRequest>, ModelInfo, unknown, readonly string[]])[] = [
    [
      'zeros are values',
      { temperature: 0, topP: 0, maxOutputTokens: 1 },
      nova,
      { maxTokens: 1, temperature: 0, topP: 0 },
      [],
    ],
    ['temperature ends at 1', { temperature: 1.7 }, nova, { temperature: 1 }, ['temperature']],
    [
      'Claude takes one of temperature and top_p',
      { temperature: 0.4, topP: 0.9 },
      claude,
      { temperature: 0.4 },
      ['top_p'],
    ],
    [
      'models that fix their sampling take neither',
      { temperature: 0.4, topP: 0.9, topK: 3 },
      modelInfo('us.anthropic.claude-opus-4-8'),
      undefined,
      ['temperature', 'top_p', 'top_k'],
    ],
    ['more tokens than the model has', { maxOutputTokens: 1e6 }, claude, { maxTokens: 64_000 }, []],
    ['white space stops nothing at Claude', { stop: ['\n', 'END'] }, claude, { stopSequences: ['END'] }, []],
    ['elsewhere it may', { stop: ['\n', ''] }, nova, { stopSequences: ['\n'] }, []],
  ];
  for (const [name, changes, model, expected, dropped] of table) {
    test(name, () => {
      const { wire, dropped: seen } = encode(changes, model);
      assert.deepEqual(wire['inferenceConfig'], expected);
      assert.deepEqual([...seen].sort(), [...dropped].sort());
    });
  }

  const topK: readonly (readonly [string, ModelInfo, unknown, readonly string[]])[] = [
    ['Claude', claude, { top_k: 20 }, []],
    ['Nova', nova, { inferenceConfig: { topK: 20 } }, []],
    ['Llama', llama, undefined, ['top_k']],
  ];
  for (const [name, model, expected, dropped] of topK) {
    test(`top_k of ${name}`, () => {
      assert.deepEqual(field('additionalModelRequestFields', { topK: 20 }, model), [expected, dropped]);
    });
  }

  test('what Converse has no place for is reported', () => {
    const { dropped } = encode({
      seed: 0,
      frequencyPenalty: 0,
      presencePenalty: 0,
      logitBias: {},
      verbosity: 'low',
      extensions: { prediction: {} },
    });
    assert.deepEqual(dropped, [
      'prediction',
      'seed',
      'frequency_penalty',
      'presence_penalty',
      'logit_bias',
      'verbosity',
    ]);
  });

  test('Claude is asked which stop sequence it met', () => {
    assert.deepEqual(encode({ stop: ['END'] }).wire['additionalModelResponseFieldPaths'], [
      '/stop_sequence',
      '/delta/stop_sequence',
    ]);
    assert.equal(encode({ stop: ['END'] }, nova).wire['additionalModelResponseFieldPaths'], undefined);
  });
});

describe('tier, metadata, user', () => {
  for (const [tier, sent] of [
    ['flex', { type: 'flex' }],
    ['priority', { type: 'priority' }],
    ['standard_only', { type: 'default' }],
    ['auto', undefined],
  ] as const) {
    test(`tier ${tier}`, () => assert.deepEqual(field('serviceTier', { serviceTier: tier }), [sent, []]));
  }
  test('an unknown tier is reported', () => {
    assert.deepEqual(field('serviceTier', { serviceTier: 'scale' }), [undefined, ['service_tier']]);
  });

  test('metadata and user go along as far as AWS allows', () => {
    assert.deepEqual(
      field('requestMetadata', { metadata: { team: 'pier 7', note: 'naïve {}' }, endUser: 'u-1' }),
      [{ team: 'pier 7', user: 'u-1' }, ['metadata']],
    );
  });

  test('no more than sixteen pairs', () => {
    const metadata = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']));
    const { wire, dropped } = encode({ metadata });
    assert.equal(Object.keys(wire['requestMetadata'] as object).length, 16);
    assert.deepEqual(dropped, ['metadata']);
  });
});

describe('system', () => {
  test('blocks stay blocks, marks stand behind them, empty ones go', () => {
    assert.deepEqual(
      field('system', {
        system: [
          { type: 'text', text: 'Be brief.', cache: { ttl: '1h' } },
          { type: 'text', text: ' ' },
          { type: 'text', text: 'Be kind.' },
        ],
      }),
      [[{ text: 'Be brief.' }, { cachePoint: { type: 'default', ttl: '1h' } }, { text: 'Be kind.' }], []],
    );
  });
});

describe('structured output', () => {
  const format = {
    kind: 'schema',
    name: 'pier',
    schema: { type: 'object', properties: { pier: { type: 'object', properties: {} } } },
  } as const;

  test('a native schema is a JSON string, its objects closed', () => {
    const [config, dropped] = field('outputConfig', { format });
    assert.deepEqual(dropped, []);
    const schema = JSON.stringify({
      type: 'object',
      properties: { pier: { type: 'object', properties: {}, additionalProperties: false } },
      additionalProperties: false,
    });
    assert.deepEqual(config, {
      textFormat: { type: 'json_schema', structure: { jsonSchema: { schema, name: 'pier' } } },
    });
    assert.equal('additionalProperties' in format.schema, false);
  });

  test('a property named like a keyword is data', () => {
    const schema = {
      type: 'object',
      properties: { properties: { type: 'string' }, items: { type: 'string' } },
    };
    const [config] = field('outputConfig', { format: { kind: 'schema', schema } });
    assert.match(
      JSON.stringify(config),
      /properties\\":\{\\"properties\\":\{\\"type\\":\\"string\\"\},\\"items\\":\{\\"type\\":\\"string\\"\}\}/,
    );
  });

  test('elsewhere a forced tool stands in', () => {
    const [config, dropped] = field('toolConfig', { format }, oldClaude);
    assert.deepEqual(dropped, []);
    assert.deepEqual((config as Fields)['toolChoice'], { tool: { name: 'json_answer' } });
  });

  test('beside the caller’s own tools it is one of them', () => {
    const tools = [{ kind: 'function', name: 'tide' }] as const;
    const [config] = field('toolConfig', { format, tools }, nova);
    assert.deepEqual((config as Fields)['toolChoice'], { any: {} });
    assert.equal(((config as Fields)['tools'] as unknown[]).length, 2);
  });

  test('where no tool can be forced, words must do', () => {
    const [system, dropped] = field('system', { format }, { ...llama, nativeSchema: false });
    assert.match(JSON.stringify(system), /fits this JSON Schema/);
    assert.deepEqual(dropped, ['response_format']);
  });

  test('any JSON is asked for in words', () => {
    const [system, dropped] = field('system', { format: { kind: 'json' } });
    assert.match(JSON.stringify(system), /one JSON object/);
    assert.deepEqual(dropped, ['response_format']);
  });
});

describe('thinking', () => {
  const on = (reasoning: Partial<Reasoning> = {}): Reasoning => ({ mode: 'on', ...reasoning });
  const table: readonly (readonly [string, Reasoning, ModelInfo, unknown, readonly string[]])[] = [
    [
      'a budget',
      on({ budgetTokens: 5000 }),
      claude,
      { thinking: { type: 'enabled', budget_tokens: 5000 } },
      [],
    ],
    [
      'an effort is a budget',
      on({ effort: 'low' }),
      claude,
      { thinking: { type: 'enabled', budget_tokens: 2048 } },
      [],
    ],
    [
      'adaptive where the model is',
      on({ show: 'summary' }),
      claude46,
      { thinking: { type: 'adaptive', display: 'summarized' } },
      [],
    ],
    ['off is left out', { mode: 'off' }, claude, undefined, []],
    ['effort none is off', on({ effort: 'none' }), claude, undefined, []],
    [
      'Nova has three efforts',
      on({ effort: 'low' }),
      nova,
      { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' } },
      [],
    ],
    ['gpt-oss a flat field', on({ effort: 'high' }), gptOss, { reasoning_effort: 'high' }, []],
    ['others cannot be asked', on(), llama, undefined, ['reasoning']],
    ['old Claude neither', on(), oldClaude, undefined, ['reasoning']],
  ];
  for (const [name, reasoning, model, expected, dropped] of table) {
    test(name, () => {
      assert.deepEqual(field('additionalModelRequestFields', { reasoning }, model), [expected, dropped]);
    });
  }

  test('the effort of adaptive thinking is Converse’s own field', () => {
    assert.deepEqual(encode({ reasoning: on({ effort: 'medium' }) }, claude46).wire['outputConfig'], {
      effort: 'medium',
    });
  });

  test('a budget stays under the caller’s limit, and is none below Claude’s least', () => {
    const reasoning = on({ budgetTokens: 5000 });
    assert.deepEqual(encode({ reasoning, maxOutputTokens: 3000 }).wire['additionalModelRequestFields'], {
      thinking: { type: 'enabled', budget_tokens: 2999 },
    });
    assert.deepEqual(encode({ reasoning, maxOutputTokens: 1000 }).dropped, ['reasoning']);
  });

  test('thinking fixes Claude’s sampling', () => {
    const { wire, dropped } = encode({ reasoning: on(), temperature: 0.2, topP: 0.5, topK: 4 });
    assert.equal(wire['inferenceConfig'], undefined);
    assert.deepEqual([...dropped].sort(), ['temperature', 'top_k', 'top_p']);
  });

  test('Nova at its highest takes no limit: a limit lowers it', () => {
    const reasoning = on({ effort: 'high' });
    assert.deepEqual(encode({ reasoning, maxOutputTokens: 500 }, nova).dropped, ['reasoning_effort']);
    const { wire, dropped } = encode({ reasoning, temperature: 0.3 }, nova);
    assert.equal(wire['inferenceConfig'], undefined);
    assert.deepEqual(dropped, ['temperature']);
  });

  test('a tool loop without signed thinking goes on without thinking', () => {
    const messages = [
      question,
      {
        role: 'assistant',
        blocks: [{ type: 'tool-call', id: 't1', name: 'tide', arguments: '', kind: 'function' }],
      },
      { role: 'user', blocks: [{ type: 'tool-result', id: 't1', blocks: [{ type: 'text', text: 'low' }] }] },
    ] as const;
    const { wire, dropped } = encode({ reasoning: on(), messages });
    assert.equal(wire['additionalModelRequestFields'], undefined);
    assert.deepEqual(dropped, ['reasoning']);
  });

  test('an application profile is Claude if its settings say so', () => {
    const model = { ...modelInfo(profile), thinking: 'budget' } as const;
    assert.deepEqual(
      encode({ reasoning: on({ budgetTokens: 2000 }) }, model).wire['additionalModelRequestFields'],
      { thinking: { type: 'enabled', budget_tokens: 2000 } },
    );
  });
});

describe('cache points', () => {
  const marked = (text: string, ttl?: '5m' | '1h') =>
    ({ type: 'text', text, cache: ttl === undefined ? {} : { ttl } }) as const;
  const points = (model: ModelInfo, ttls: readonly ('5m' | '1h')[]): readonly unknown[] => {
    const { wire } = encode(
      { messages: [{ role: 'user', blocks: ttls.map((ttl, index) => marked(`t${index}`, ttl)) }] },
      model,
    );
    const [message] = wire['messages'] as { content: Fields[] }[];
    return (message?.content ?? []).flatMap((block) => (block['cachePoint'] ? [block['cachePoint']] : []));
  };

  test('at most four, the last one kept', () => {
    assert.equal(points(claude, ['5m', '5m', '5m', '5m', '5m', '5m']).length, 4);
  });
  test('no hour behind five minutes', () => {
    assert.deepEqual(points(claude, ['1h', '5m', '1h']), [
      { type: 'default', ttl: '1h' },
      { type: 'default', ttl: '5m' },
      { type: 'default' },
    ]);
  });
  test('Nova takes no lifetime', () => assert.deepEqual(points(nova, ['1h']), [{ type: 'default' }]));
  test('other models take none', () => assert.deepEqual(points(mistral, ['5m']), []));
});

test('the caller’s request is never changed', () => {
  const freeze = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(freezeOne(value))) freeze(inner);
    return value;
  };
  const freezeOne = <T extends object>(value: T): T => Object.freeze(value);
  const request = freeze(
    chatRequest({
      tools: [{ kind: 'function', name: 'tide', parameters: { properties: {} }, cache: { ttl: '1h' } }],
      format: { kind: 'schema', schema: { type: 'object', properties: {} } },
      messages: [{ role: 'user', blocks: [{ type: 'text', text: 'x', cache: { ttl: '1h' } }] }],
    }),
  );
  for (const model of [claude, oldClaude, nova, llama, mistral]) encodeConverse(request, model);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest } from '../../../core/request.ts';
import { crane, encode, refuses, text } from './fixtures/encoded.ts';
import { embedded, newest } from './fixtures/requests.ts';

describe('the envelope', () => {
  test('is the body’s own at Anthropic, and the transport’s elsewhere', () => {
    assert.deepEqual(encode({ stream: true }).body, {
      model: 'claude-test',
      max_tokens: 32_000,
      messages: [{ role: 'user', content: [text('Which pier?')] }],
      stream: true,
    });
    assert.deepEqual(encode({ stream: true }, {}, embedded).body, {
      anthropic_version: 'cloud-2026-01-01',
      max_tokens: 32_000,
      messages: [{ role: 'user', content: [text('Which pier?')] }],
    });
  });

  test('names what has no place here, and refuses what would change the question', () => {
    const { dropped } = encode({
      seed: 0,
      frequencyPenalty: 0,
      presencePenalty: 1,
      logitBias: {},
      verbosity: 'low',
      metadata: {},
      serviceTier: 'flex',
      extensions: { prediction: {} },
    });
    assert.deepEqual(dropped, [
      'prediction',
      'seed',
      'frequency_penalty',
      'presence_penalty',
      'logit_bias',
      'verbosity',
      'metadata',
      'service_tier',
    ]);
    refuses('unsupported', () => encode({ choices: 2 }), /several answers/);
    refuses('unsupported', () => encode({ logprobs: { top: 0 } }), /probabilities/);
  });

  test('the default tier is standard only, where there are tiers', () => {
    assert.equal(encode({ serviceTier: 'default' }).body['service_tier'], 'standard_only');
    assert.deepEqual(encode({ serviceTier: 'default' }, {}, embedded).dropped, ['service_tier']);
    assert.equal('service_tier' in encode({ serviceTier: 'auto' }).body, false);
  });

  test('the end user travels as metadata', () => {
    assert.deepEqual(encode({ endUser: 'docker-7' }).body['metadata'], { user_id: 'docker-7' });
  });
});

describe('limits and sampling', () => {
  test('the output limit is the caller’s, within the model’s', () => {
    assert.equal(encode({ maxOutputTokens: 10 }).body['max_tokens'], 10);
    assert.equal(encode({ maxOutputTokens: 100_000 }).body['max_tokens'], 64_000);
    assert.equal(encode({}, { maxOutputTokens: 4096 }).body['max_tokens'], 4096);
  });

  const cases: readonly [Partial<ChatRequest>, Partial<ModelInfo>, object, readonly string[]][] = [
    [{ temperature: 0 }, {}, { temperature: 0 }, []],
    [{ temperature: 1.7 }, {}, { temperature: 1 }, ['temperature']],
    [{ temperature: 0.5, topP: 0.9 }, {}, { temperature: 0.5 }, ['top_p']],
    [{ topP: 0.9, topK: 5 }, {}, { top_p: 0.9, top_k: 5 }, []],
    [{ temperature: 0.5, topP: 0.9 }, { sampling: 'free' }, { temperature: 0.5, top_p: 0.9 }, []],
    [{ temperature: 0.5, topP: 0.9, topK: 5 }, newest, {}, ['temperature', 'top_p', 'top_k']],
    [
      { temperature: 0.5, topP: 0.5, topK: 5, reasoning: { mode: 'on', budgetTokens: 2000 } },
      {},
      {},
      ['temperature', 'top_p', 'top_k'],
    ],
    [{ topP: 0.97, reasoning: { mode: 'on', budgetTokens: 2000 } }, {}, { top_p: 0.97 }, []],
  ];
  for (const [changes, model, expected, dropped] of cases) {
    test(`sampling ${JSON.stringify(changes)} on a ${model.sampling ?? 'one-of'} model`, () => {
      const made = encode(changes, model);
      const { temperature, top_p, top_k } = made.body;
      assert.deepEqual(JSON.parse(JSON.stringify({ temperature, top_p, top_k })), expected);
      assert.deepEqual(made.dropped, dropped);
    });
  }

  test('stop words of mere white space are refused there, so they are left out', () => {
    const { body, dropped } = encode({ stop: ['\n', 'END'] });
    assert.deepEqual(body['stop_sequences'], ['END']);
    assert.deepEqual(dropped, ['stop']);
  });
});

describe('structured output', () => {
  const format = {
    kind: 'schema',
    schema: { type: 'object', properties: { tons: { type: 'number', maximum: 9 } }, required: ['tons'] },
  } as const;

  test('is native, with what is not enforced told in words', () => {
    const { body, dropped } = encode({ format });
    assert.deepEqual(body['output_config'], {
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { tons: { type: 'number', description: '{maximum: 9}' } },
          required: ['tons'],
          additionalProperties: false,
        },
      },
    });
    assert.deepEqual(dropped, ['response_format.json_schema.maximum']);
  });

  test('a property that is named like a keyword is a property', () => {
    const schema = { type: 'object', properties: { pattern: { type: 'string' }, $ref: { type: 'string' } } };
    const { dropped } = encode({ format: { kind: 'schema', schema } });
    assert.deepEqual(dropped, []);
  });

  test('is a forced tool where the model has no schema, and thinking gives way', () => {
    const { body, dropped } = encode(
      { format, reasoning: { mode: 'on', budgetTokens: 2000 } },
      { nativeSchema: false },
    );
    assert.deepEqual(body['tools'], [
      {
        name: 'json_answer',
        description: 'Give the answer, in this shape.',
        input_schema: format.schema,
      },
    ]);
    assert.deepEqual(body['tool_choice'], {
      type: 'tool',
      name: 'json_answer',
      disable_parallel_tool_use: true,
    });
    assert.equal('thinking' in body, false);
    assert.deepEqual(dropped, ['reasoning']);
  });

  test('stands beside the caller’s own tools', () => {
    const { body } = encode({ format, tools: [crane] }, { nativeSchema: false });
    assert.deepEqual(body['tool_choice'], { type: 'any' });
    assert.equal(Object(body['tools']).length, 2);
    const none = encode({ format, tools: [crane], toolChoice: { kind: 'none' } }, { nativeSchema: false });
    assert.equal(Object(none.body['tool_choice']).name, 'json_answer');
    refuses(
      'unsupported',
      () => encode({ format: { kind: 'schema', schema: { type: 'array' } } }, { nativeSchema: false }),
      /must be an object/,
    );
  });

  test('without a schema is an instruction', () => {
    const { body, dropped } = encode({ format: { kind: 'json' } });
    assert.match(String(body['system']), /JSON object/);
    assert.deepEqual(dropped, ['response_format']);
  });
});

describe('cache marks', () => {
  const marked = (value: string, ttl?: '5m' | '1h'): Message => ({
    role: 'user',
    blocks: [{ type: 'text', text: value, cache: ttl === undefined ? {} : { ttl } }],
  });
  const marksOf = (body: unknown): readonly unknown[] =>
    [...JSON.stringify(body).matchAll(/"text":"(\w+)","cache_control":(\{[^}]*\})/g)].map((match) => [
      match[1],
      JSON.parse(match[2] ?? '').ttl,
    ]);

  test('are at most four: the last one stays, the middle goes first', () => {
    const { body, dropped } = encode({
      system: [{ type: 'text', text: 's', cache: {} }],
      tools: [{ ...crane, cache: {} }],
      messages: [marked('a'), marked('b'), marked('c'), marked('d')],
    });
    assert.deepEqual(marksOf(body['messages']), [
      ['c', undefined],
      ['d', undefined],
    ]);
    assert.ok(Object(body['tools'])[0].cache_control);
    assert.ok(Object(body['system'])[0].cache_control);
    assert.deepEqual(dropped, []);
  });

  test('an hour behind five minutes becomes five minutes', () => {
    const { body } = encode({
      system: [{ type: 'text', text: 's', cache: { ttl: '1h' } }],
      messages: [marked('a', '5m'), marked('b', '1h')],
    });
    assert.deepEqual(marksOf(body['system']), [['s', '1h']]);
    assert.deepEqual(marksOf(body['messages']), [
      ['a', '5m'],
      ['b', '5m'],
    ]);
  });

  test('a mark on a text that goes moves to the block before it', () => {
    const { body } = encode({
      messages: [
        {
          role: 'user',
          blocks: [
            { type: 'text', text: 'a' },
            { type: 'text', text: '', cache: { ttl: '1h' } },
          ],
        },
      ],
    });
    assert.deepEqual(marksOf(body['messages']), [['a', '1h']]);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { model } from '../../../../test/support/router.ts';
import { type Answer, createFold } from '../../../core/answer.ts';
import type { StreamEvent } from '../../../core/event.ts';
import { asObject } from '../../../core/json.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest } from '../../../core/request.ts';
import { type ChatCodec, createChatCodec } from './codec.ts';
import { type ChatTraits, openAiTraits } from './traits.ts';

const codecOf = (traits: Partial<ChatTraits> = {}, info: Partial<ModelInfo> = {}): ChatCodec =>
  createChatCodec(model({ id: 'gpt-x', ...info }), {
    traits: { ...openAiTraits, ...traits },
    errorRows: [],
    now: () => 0,
  });
const codec = codecOf();

const request = (overrides: Partial<ChatRequest> = {}): ChatRequest => ({
  kind: 'chat',
  model: 'route',
  system: [],
  messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Hi' }] }],
  tools: [],
  stream: false,
  streamUsage: false,
  extensions: {},
  ...overrides,
});

const chunk = (delta: object, finish: string | null = null, extra: object = {}): string =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 7, model: 'gpt-x', choices: [{ index: 0, delta, finish_reason: finish }], ...extra })}\n\n`;
const usageChunk = `data: ${JSON.stringify({ id: 'chatcmpl-1', choices: [], usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13, prompt_tokens_details: { cached_tokens: 2 } } })}\n\n`;
const done = 'data: [DONE]\n\n';
const call = (
  index: number | undefined,
  id: string | undefined,
  name: string | undefined,
  text: string,
): object => ({
  tool_calls: [
    {
      ...(index === undefined ? {} : { index }),
      ...(id === undefined ? {} : { id, type: 'function' }),
      function: { ...(name === undefined ? {} : { name }), arguments: text },
    },
  ],
});

function read(text: string, cut = 0): Answer {
  const fold = createFold();
  const reader = codec.openStream();
  const bytes = Buffer.from(text);
  reader.push(bytes.subarray(0, cut), fold.add);
  reader.push(bytes.subarray(cut), fold.add);
  reader.finish(fold.add);
  return fold.answer();
}

describe('encoding', () => {
  const body = (overrides: Partial<ChatRequest>, used = codec): Readonly<Record<string, unknown>> =>
    asObject(used.encode(request(overrides)).body);
  const dropped = (overrides: Partial<ChatRequest>, used = codec): readonly string[] =>
    used.encode(request(overrides)).dropped;

  test('names the target’s model and keeps plain text plain', () => {
    assert.deepEqual(body({ system: [{ type: 'text', text: 'Be brief' }] }), {
      model: 'gpt-x',
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'Hi' },
      ],
    });
  });

  test('zero, false and empty are values', () => {
    assert.deepEqual(
      { ...body({ temperature: 0, seed: 0, topP: 0 }), messages: 0 },
      { model: 'gpt-x', messages: 0, temperature: 0, seed: 0, top_p: 0 },
    );
  });

  test('asks for usage in every stream of a server that knows it', () => {
    assert.deepEqual(body({ stream: true })['stream_options'], { include_usage: true });
    assert.equal(body({ stream: true }, codecOf({ streamUsage: false }))['stream_options'], undefined);
  });

  test('writes limits under the field that the server knows, within the model’s own', () => {
    assert.equal(body({ maxOutputTokens: 50 })['max_completion_tokens'], 50);
    assert.equal(
      body({ maxOutputTokens: 50 }, codecOf({ maxTokensField: 'max_tokens' }, { maxOutputTokens: 20 }))[
        'max_tokens'
      ],
      20,
    );
  });

  test('a model with fixed sampling is sent none, and the caller is told', () => {
    const fixed = codecOf({}, { sampling: 'fixed' });
    const asked = { temperature: 0.5, topP: 0.5, logprobs: { top: 2 }, topK: 3 };
    assert.deepEqual(Object.keys(body(asked, fixed)), ['model', 'messages']);
    assert.deepEqual([...dropped(asked, fixed)].sort(), [
      'logprobs',
      'temperature',
      'top_k',
      'top_logprobs',
      'top_p',
    ]);
  });

  test('an effort that the model lacks becomes the nearest weaker one', () => {
    const thinking = codecOf({}, { thinking: 'effort', efforts: ['low', 'medium'] });
    assert.equal(
      body({ reasoning: { mode: 'on', effort: 'xhigh' } }, thinking)['reasoning_effort'],
      'medium',
    );
    assert.deepEqual(dropped({ reasoning: { mode: 'on', effort: 'xhigh' } }, thinking), ['reasoning_effort']);
    assert.equal(
      body({ reasoning: { mode: 'on', budgetTokens: 30_000 } }, codecOf({}, { thinking: 'effort' }))[
        'reasoning_effort'
      ],
      'high',
    );
  });

  test('results are messages of their own, in front, with errors said in words', () => {
    const blocks = [
      { type: 'text' as const, text: 'and now?' },
      {
        type: 'tool-result' as const,
        id: 'call_1',
        isError: true,
        blocks: [{ type: 'text' as const, text: 'not found' }],
      },
    ];
    assert.deepEqual(body({ messages: [{ role: 'user', blocks }] })['messages'], [
      { role: 'tool', tool_call_id: 'call_1', content: 'Error: not found' },
      { role: 'user', content: 'and now?' },
    ]);
  });

  test('media in a result follow in a user message', () => {
    const image = {
      type: 'image' as const,
      source: { kind: 'base64' as const, mimeType: 'image/png', data: 'AAAA' },
    };
    const encoded = codec.encode(
      request({
        messages: [{ role: 'user', blocks: [{ type: 'tool-result', id: 'call_1', blocks: [image] }] }],
      }),
    );
    assert.deepEqual(asObject(encoded.body)['messages'], [
      {
        role: 'tool',
        tool_call_id: 'call_1',
        content: 'What this tool call returned follows in the next message.',
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'The following was returned by tool call call_1:' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        ],
      },
    ]);
    assert.deepEqual(encoded.dropped, ['messages.tool_result.content']);
  });

  test('ids are mapped the same way on calls and results', () => {
    const short = codecOf({ toolIds: 'short' });
    const messages: ChatRequest['messages'] = [
      {
        role: 'assistant',
        blocks: [{ type: 'tool-call', id: 'toolu_long_id', name: 'f', kind: 'function', arguments: '' }],
      },
      { role: 'user', blocks: [{ type: 'tool-result', id: 'toolu_long_id', blocks: [] }] },
    ];
    const text = JSON.stringify(body({ messages }, short)['messages']);
    const ids = [...text.matchAll(/"(?:id|tool_call_id)":"([^"]+)"/g)].map((match) => match[1]);
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
    assert.match(ids[0] ?? '', /^[a-z0-9]{9}$/);
    assert.match(text, /"arguments":"\{\}"/);
  });

  test('what cannot be said at all is refused before it is sent', () => {
    const video = { type: 'video' as const, source: { kind: 'url' as const, url: 'https://x.test/v.mp4' } };
    assert.throws(() => body({ messages: [{ role: 'user', blocks: [video] }] }), { code: 'unsupported' });
  });
});

describe('passing through', () => {
  const forwarded = { stream: true, streamUsage: false, headers: {} };

  test('changes the model, and asks for usage where the caller did not', () => {
    assert.deepEqual(codec.forward?.({ ...forwarded, streamUsage: true }), { set: { model: '"gpt-x"' } });
    assert.deepEqual(codec.forward?.(forwarded), {
      set: { model: '"gpt-x"', stream_options: '{"include_usage":true}' },
    });
  });

  test('keeps the extra usage chunk from a caller who did not ask, and reads it', () => {
    const events: StreamEvent[] = [];
    const relay = codec.openRelay?.(forwarded);
    const stream = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'a' }),
      chunk({ content: 'b' }),
      chunk({}, 'stop'),
      usageChunk,
      done,
    ];
    const out = Buffer.from(
      relay?.push(Buffer.from(stream.join('')), (event) => events.push(event)) ?? [],
    ).toString();
    assert.equal(out, stream.filter((block) => block !== usageChunk).join(''));
    assert.deepEqual(
      events.find((event) => event.type === 'usage'),
      { type: 'usage', usage: { inputTokens: 9, cacheReadTokens: 2, outputTokens: 4 } },
    );
  });
});

describe('reading streams', () => {
  const streams: Readonly<Record<string, readonly string[]>> = {
    text: [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'grü' }),
      chunk({ content: 'ße 🚀' }),
      chunk({}, 'stop'),
      usageChunk,
      done,
    ],
    calls: [
      chunk(call(0, 'call_a', 'f', '')),
      chunk(call(0, undefined, undefined, '{"x"')),
      chunk(call(1, 'call_b', 'g', '{}')),
      chunk(call(0, undefined, undefined, ':1}')),
      chunk({}, 'tool_calls'),
      done,
    ],
    reasoning: [
      chunk({ reasoning_content: 'hm' }),
      chunk({ reasoning_content: '…' }),
      chunk({ content: 'So.' }),
      chunk({}, 'stop'),
      done,
    ],
  };
  for (const [name, blocks] of Object.entries(streams)) {
    test(`${name}: the same at every cut`, () => {
      const text = blocks.join('');
      const whole = read(text);
      for (let cut = 1; cut < Buffer.byteLength(text); cut++)
        assert.deepEqual(read(text, cut), whole, `cut at ${cut}`);
    });
  }

  const callsOf = (answer: Answer) =>
    answer.choices[0]?.blocks.flatMap((block) =>
      block.type === 'tool-call' ? [[block.id, block.name, block.arguments]] : [],
    );
  const rows: readonly [string, readonly string[], readonly string[][]][] = [
    [
      'calls side by side',
      streams['calls'] ?? [],
      [
        ['call_a', 'f', '{"x":1}'],
        ['call_b', 'g', '{}'],
      ],
    ],
    [
      'calls without an index',
      [
        chunk(call(undefined, 'a', 'f', '{}')),
        chunk(call(undefined, 'b', 'g', '{}')),
        chunk({}, 'stop'),
        done,
      ],
      [
        ['a', 'f', '{}'],
        ['b', 'g', '{}'],
      ],
    ],
    [
      'calls that share an index',
      [chunk(call(0, 'a', 'f', '{}')), chunk(call(0, 'b', 'g', '{}')), chunk({}, 'tool_calls'), done],
      [
        ['a', 'f', '{}'],
        ['b', 'g', '{}'],
      ],
    ],
    [
      'an id repeated in each piece',
      [chunk(call(0, 'a', 'f', '{')), chunk(call(0, 'a', 'f', '}')), chunk({}, 'tool_calls'), done],
      [['a', 'f', '{}']],
    ],
    ['indexes from 1', [chunk(call(1, 'a', 'f', '{}')), chunk({}, 'tool_calls'), done], [['a', 'f', '{}']]],
    [
      'the old function_call',
      [
        chunk({ function_call: { name: 'f', arguments: '{' } }),
        chunk({ function_call: { arguments: '}' } }),
        chunk({}, 'function_call'),
        done,
      ],
      [['call_5a4d6d485f7c62a4f489af9c', 'f', '{}']],
    ],
  ];
  for (const [what, blocks, wanted] of rows) {
    test(what, () => {
      const answer = read(blocks.join(''));
      assert.deepEqual(callsOf(answer), wanted);
      assert.equal(answer.choices[0]?.stop.kind, 'tool');
    });
  }

  test('a finish_reason and a clean close are an end, without [DONE]', () => {
    assert.equal(read(chunk({ content: 'a' }) + chunk({}, 'stop')).choices[0]?.stop.kind, 'end');
  });

  test('a clean close before any finish_reason is a cut', () => {
    assert.throws(() => read(chunk({ content: 'a' })), { code: 'upstream_truncated' });
  });

  test('tool_calls as a reason without calls is an end', () => {
    assert.equal(read(chunk({ content: 'a' }) + chunk({}, 'tool_calls') + done).choices[0]?.stop.kind, 'end');
  });

  test('an error chunk in a 200 is that error', () => {
    assert.throws(() => read(`data: {"error":{"message":"over","code":503}}\n\n`), {
      code: 'upstream_overloaded',
    });
  });

  test('Azure’s opening chunk, without id and choices, begins nothing', () => {
    assert.equal(
      read(
        `data: {"choices":[],"id":"","model":"","prompt_filter_results":[]}\n\n${(streams['text'] ?? []).join('')}`,
      ).id,
      'chatcmpl-1',
    );
  });

  test('several choices stay apart', () => {
    const other = (content: string) =>
      `data: ${JSON.stringify({ id: 'chatcmpl-1', choices: [{ index: 1, delta: { content }, finish_reason: null }] })}\n\n`;
    const end = `data: ${JSON.stringify({ id: 'chatcmpl-1', choices: [{ index: 1, delta: {}, finish_reason: 'length' }] })}\n\n`;
    const answer = read(
      chunk({ content: 'a' }) +
        other('x') +
        chunk({ content: 'b' }) +
        other('y') +
        chunk({}, 'stop') +
        end +
        done,
    );
    assert.deepEqual(
      answer.choices.map((choice) => [
        choice.blocks.map((block) => (block.type === 'text' ? block.text : '')).join(''),
        choice.stop.kind,
      ]),
      [
        ['ab', 'end'],
        ['xy', 'length'],
      ],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Block, Message } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { encodeConverse } from './encode.ts';
import { chatRequest, claude, claude46, llama, mistral, nova, question } from './fixtures/requests.ts';

function messages(list: readonly Message[], model: ModelInfo = claude, thinking = false) {
  const { body, dropped } = encodeConverse(
    chatRequest({
      messages: list,
      ...(thinking ? { reasoning: { mode: 'on', budgetTokens: 2000 } } : {}),
    }),
    model,
  );
  const wire: unknown = JSON.parse(JSON.stringify(body));
  return { wire: (wire as { messages: unknown }).messages, dropped };
}

const user = (...blocks: Block[]): Message => ({ role: 'user', blocks });
const assistant = (...blocks: Block[]): Message => ({ role: 'assistant', blocks });
const system = (text: string): Message => ({ role: 'system', blocks: [{ type: 'text', text }] });
const text = (words: string): Block => ({ type: 'text', text: words });
const call = (id: string, args = '{}'): Block => ({
  type: 'tool-call',
  id,
  name: 'tide',
  arguments: args,
  kind: 'function',
});
const result = (id: string, words: string, more: object = {}): Block => ({
  type: 'tool-result',
  id,
  blocks: words === '' ? [] : [{ type: 'text', text: words }],
  ...more,
});
const wireCall = (id: string, input: object = {}) => ({ toolUse: { toolUseId: id, name: 'tide', input } });
const wireResult = (id: string, words: string, more: object = {}) => ({
  toolResult: { toolUseId: id, content: [{ text: words }], ...more },
});

describe('turns', () => {
  const table: readonly (readonly [string, readonly Message[], unknown])[] = [
    [
      'neighbours of one role are one turn',
      [user(text('a')), user(text('b')), assistant(text('c')), assistant(text('d')), user(text('e'))],
      [
        { role: 'user', content: [{ text: 'a' }, { text: 'b' }] },
        { role: 'assistant', content: [{ text: 'c' }, { text: 'd' }] },
        { role: 'user', content: [{ text: 'e' }] },
      ],
    ],
    [
      'an empty assistant turn goes, and its neighbours meet',
      [user(text('a')), assistant(text('  ')), user(text('b'))],
      [{ role: 'user', content: [{ text: 'a' }, { text: 'b' }] }],
    ],
    [
      'parallel results come in one turn, in front of the text',
      [
        question,
        assistant(text('I look.'), call('t1'), call('t2', '{"at":1}')),
        user(text('hurry'), result('t1', 'low')),
        user(result('t2', 'high', { isError: true })),
      ],
      [
        { role: 'user', content: [{ text: 'Which pier?' }] },
        { role: 'assistant', content: [{ text: 'I look.' }, wireCall('t1'), wireCall('t2', { at: 1 })] },
        {
          role: 'user',
          content: [
            wireResult('t1', 'low'),
            wireResult('t2', 'high', { status: 'error' }),
            { text: 'hurry' },
          ],
        },
      ],
    ],
    [
      'an empty result says so',
      [question, assistant(call('t1')), user(result('t1', ''))],
      [
        { role: 'user', content: [{ text: 'Which pier?' }] },
        { role: 'assistant', content: [wireCall('t1')] },
        { role: 'user', content: [wireResult('t1', '(no output)')] },
      ],
    ],
    [
      'an unfinished answer loses its last white space',
      [question, assistant(text('Pier '))],
      [
        { role: 'user', content: [{ text: 'Which pier?' }] },
        { role: 'assistant', content: [{ text: 'Pier' }] },
      ],
    ],
  ];
  for (const [name, list, expected] of table) {
    test(name, () => assert.deepEqual(messages(list), { wire: expected, dropped: [] }));
  }

  test('of two results for one call the later counts, and that is told', () => {
    const { wire, dropped } = messages([
      question,
      assistant(call('t1')),
      user(result('t1', 'low'), result('t1', 'high')),
    ]);
    assert.deepEqual((wire as { content: unknown }[])[2]?.content, [wireResult('t1', 'high')]);
    assert.deepEqual(dropped, ['messages.tool_result']);
  });

  const refused: readonly (readonly [string, readonly Message[], RegExp])[] = [
    ['no user turn at all', [assistant(text('x'))], /no user turn/],
    ['nothing but white space', [user(text(' '))], /no user turn/],
    ['a call without its result', [question, assistant(call('t1')), user(text('so?'))], /"t1" has no result/],
    ['a result without its call', [user(result('t9', 'x'))], /"t9" answers no call/],
  ];
  for (const [name, list, message] of refused) {
    test(`${name} is refused`, () => {
      assert.throws(() => messages(list), { code: 'invalid_request', message });
    });
  }

  test('a model that does not continue a turn is not asked to', () => {
    assert.throws(() => messages([question, assistant(text('Pier'))], claude46), { code: 'unsupported' });
  });

  test('a system message between turns is a marked user text in its place', () => {
    const { wire, dropped } = messages([
      question,
      assistant(text('7')),
      system('Be brief.'),
      user(text('Why?')),
    ]);
    assert.deepEqual((wire as { content: unknown }[])[2], {
      role: 'user',
      content: [{ text: '<system-reminder>\nBe brief.\n</system-reminder>' }, { text: 'Why?' }],
    });
    assert.deepEqual(dropped, ['messages.role=system']);
  });
});

describe('models that take no text beside tools', () => {
  const list = [
    question,
    assistant(text('I look.'), call('call00001')),
    user(result('call00001', 'low'), text('so?')),
  ];
  for (const model of [llama, mistral]) {
    test(model.id, () => {
      const { wire, dropped } = messages(list, model);
      assert.deepEqual(wire, [
        { role: 'user', content: [{ text: 'Which pier?' }] },
        { role: 'assistant', content: [wireCall('call00001')] },
        {
          role: 'user',
          content: [{ toolResult: { toolUseId: 'call00001', content: [{ text: 'low' }, { text: 'so?' }] } }],
        },
      ]);
      assert.deepEqual(dropped, ['messages.content']);
    });
  }
});

describe('ids and arguments', () => {
  test('a valid id stays, any other maps to one that fits, the same for call and result', () => {
    for (const [id, model, pattern] of [
      ['tooluse_A.b:c-1', claude, /^tooluse_A\.b:c-1$/],
      [`call_${'x'.repeat(80)}`, claude, /^call_x+_[0-9a-f]{16}$/],
      ['call/1', claude, /^call_1_[0-9a-f]{16}$/],
      ['', claude, /^_[0-9a-f]{16}$/],
      ['tooluse_A1', mistral, /^[0-9a-f]{9}$/],
    ] as const) {
      const { wire } = messages([question, assistant(call(id)), user(result(id, 'low'))], model);
      const [, asked, answered] = wire as { content: Record<string, { toolUseId: string }>[] }[];
      const sent = asked?.content[0]?.['toolUse']?.toolUseId ?? '';
      assert.match(sent, pattern);
      assert.ok(sent.length <= 64);
      assert.equal(answered?.content[0]?.['toolResult']?.toolUseId, sent);
    }
  });

  for (const [args, input, dropped] of [
    ['', {}, []],
    ['null', {}, []],
    ['{"a":1}', { a: 1 }, []],
    ['{"a":', { _raw_arguments: '{"a":' }, ['tool_calls.arguments']],
    ['[1]', { _raw_arguments: '[1]' }, ['tool_calls.arguments']],
  ] as const) {
    test(`arguments ${JSON.stringify(args)}`, () => {
      const seen = messages([question, assistant(call('t1', args)), user(result('t1', 'x'))]);
      assert.deepEqual((seen.wire as { content: unknown[] }[])[1]?.content, [wireCall('t1', input)]);
      assert.deepEqual(seen.dropped, dropped);
    });
  }

  test('free text is one property', () => {
    const block: Block = { type: 'tool-call', id: 't1', name: 'tide', arguments: 'now!', kind: 'custom' };
    const { wire } = messages([question, assistant(block), user(result('t1', 'x'))]);
    assert.deepEqual((wire as { content: unknown[] }[])[1]?.content, [wireCall('t1', { input: 'now!' })]);
  });
});

describe('thinking in the history', () => {
  const signed: Block = { type: 'reasoning', text: 'Hm.', carry: { family: 'anthropic', payload: 'c2ln' } };
  const hidden: Block = {
    type: 'reasoning',
    text: '',
    redacted: true,
    carry: { family: 'anthropic', payload: 'hidden' },
  };
  const own: Block = { type: 'reasoning', text: 'Hm.', carry: { family: 'converse', payload: 's' } };
  const unsigned: Block = { type: 'reasoning', text: 'Hm.' };
  const history = [question, assistant(signed, hidden, own, unsigned, text('7')), user(text('Why?'))];
  const said = (model: ModelInfo, thinking: boolean) =>
    (messages(history, model, thinking).wire as { content: unknown[] }[])[1]?.content;

  test('Claude gets its own back, byte for byte', () => {
    assert.deepEqual(said(claude, true), [
      { reasoningContent: { reasoningText: { text: 'Hm.', signature: 'c2ln' } } },
      { reasoningContent: { redactedContent: 'aGlkZGVu' } },
      { text: '7' },
    ]);
  });
  test('none when this request does not think', () => assert.deepEqual(said(claude, false), [{ text: '7' }]));
  test('others get theirs', () => {
    assert.deepEqual(said(nova, false), [
      { reasoningContent: { reasoningText: { text: 'Hm.', signature: 's' } } },
      { text: '7' },
    ]);
  });
});

describe('media', () => {
  const base64 = (mimeType: string, data = 'AAAA') => ({ kind: 'base64', mimeType, data }) as const;
  const content = (...blocks: Block[]) =>
    (messages([user(...blocks)]).wire as { content: unknown[] }[])[0]?.content;

  const table: readonly (readonly [string, Block, unknown])[] = [
    [
      'an image by its first bytes, whatever its type says',
      { type: 'image', source: base64('image/jpeg', 'iVBORw0KGgoAAAA') },
      { image: { format: 'png', source: { bytes: 'iVBORw0KGgoAAAA' } } },
    ],
    [
      'image/jpg is no type, but is meant',
      { type: 'image', source: base64('image/jpg') },
      { image: { format: 'jpeg', source: { bytes: 'AAAA' } } },
    ],
    [
      'an image in S3',
      { type: 'image', source: { kind: 'url', url: 's3://pier/7.webp' } },
      { image: { format: 'webp', source: { s3Location: { uri: 's3://pier/7.webp' } } } },
    ],
    [
      'a video',
      { type: 'video', source: base64('video/quicktime') },
      { video: { format: 'mov', source: { bytes: 'AAAA' } } },
    ],
    [
      'audio',
      { type: 'audio', source: base64('audio/mpeg') },
      { audio: { format: 'mp3', source: { bytes: 'AAAA' } } },
    ],
  ];
  for (const [name, block, wire] of table) {
    test(name, () => assert.deepEqual(content(text('See:'), block), [{ text: 'See:' }, wire]));
  }

  const documents: readonly (readonly [string, string | undefined, string, string])[] = [
    ['application/pdf', 'Log_2026 (final)!.pdf', 'pdf', 'Log 2026 (final) pdf'],
    ['text/plain; charset=utf-8', undefined, 'txt', 'document'],
    ['text/x-rust', '  ', 'txt', 'document'],
    ['application/octet-stream', 'tides.xlsx', 'xlsx', 'tides xlsx'],
    ['text/markdown', 'a  —  b', 'md', 'a b'],
  ];
  for (const [mime, name, format, sent] of documents) {
    test(`a document of ${mime} named ${JSON.stringify(name)}`, () => {
      const block: Block = {
        type: 'document',
        source: base64(mime),
        ...(name === undefined ? {} : { name }),
        context: 'from the pier',
        citations: true,
      };
      assert.deepEqual(content(block, text('Sum up.')), [
        {
          document: {
            format,
            name: sent,
            source: { bytes: 'AAAA' },
            context: 'from the pier',
            citations: { enabled: true },
          },
        },
        { text: 'Sum up.' },
      ]);
    });
  }

  test('documents have names of their own, and a text beside them', () => {
    const block: Block = { type: 'document', source: base64('application/pdf'), name: 'log' };
    const wire = content(block, block) as { document?: { name: string } }[];
    assert.deepEqual(
      wire.map((one) => one.document?.name ?? one),
      ['log', 'log 2', { text: 'See the document.' }],
    );
  });

  test('media in a result', () => {
    const blocks: Block[] = [
      { type: 'text', text: 'here' },
      { type: 'image', source: base64('image/png') },
      { type: 'document', source: base64('application/pdf'), name: 'log' },
    ];
    const { wire } = messages([
      question,
      assistant(call('t1')),
      user({ type: 'tool-result', id: 't1', blocks }),
    ]);
    assert.deepEqual((wire as { content: unknown[] }[])[2]?.content, [
      {
        toolResult: {
          toolUseId: 't1',
          content: [
            { text: 'here' },
            { image: { format: 'png', source: { bytes: 'AAAA' } } },
            { document: { format: 'pdf', name: 'log', source: { bytes: 'AAAA' } } },
          ],
        },
      },
    ]);
  });

  for (const [name, block] of [
    ['by URL', { type: 'image', source: { kind: 'url', url: 'https://pier.example/7.png' } }],
    [
      'in another store',
      { type: 'document', source: { kind: 'file-id', protocol: 'openai-chat', id: 'f1' } },
    ],
    ['in a sound we do not know', { type: 'audio', source: base64('audio/x-unheard') }],
  ] as const satisfies readonly (readonly [string, Block])[]) {
    test(`media ${name} is unsupported`, () => {
      assert.throws(() => content(text('x'), block), { code: 'unsupported' });
    });
  }
});

describe('cache points', () => {
  const cache = { ttl: '5m' } as const;
  const point = { cachePoint: { type: 'default', ttl: '5m' } };

  test('stand behind what they mark and move with it', () => {
    const { wire } = messages([
      question,
      assistant(call('t1')),
      user({ type: 'text', text: 'so?', cache }, result('t1', 'low', { cache })),
    ]);
    assert.deepEqual((wire as { content: unknown[] }[])[2]?.content, [
      wireResult('t1', 'low'),
      point,
      { text: 'so?' },
      point,
    ]);
  });

  test('move to the block before when their own is empty', () => {
    const { wire } = messages([user(text('a'), { type: 'text', text: '', cache })]);
    assert.deepEqual((wire as { content: unknown[] }[])[0]?.content, [{ text: 'a' }, point]);
  });

  test('inside a result stand behind it', () => {
    const inner: Block = { type: 'tool-result', id: 't1', blocks: [{ type: 'text', text: 'low', cache }] };
    const { wire } = messages([question, assistant(call('t1')), user(inner)]);
    assert.deepEqual((wire as { content: unknown[] }[])[2]?.content, [wireResult('t1', 'low'), point]);
  });
});

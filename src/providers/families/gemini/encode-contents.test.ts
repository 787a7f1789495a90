import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Block } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';
import { assistant, call, encode, flash3, flash25, pro3, result, text, user } from './fixtures/encoded.ts';

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

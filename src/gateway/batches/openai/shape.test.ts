import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf, doneItem, failedItem, hostileIds, refusal } from '../../../../test/support/batch-shape.ts';
import { dialectFolders } from '../../dialects/registry.ts';
import { createShape } from './shape.ts';

const shape = createShape(dialectFolders.flatMap((folder) => folder.dialects));
const chat = { endpoint: '/v1/chat/completions' };
const body = { model: 'assistant', messages: [{ role: 'user', content: 'hi' }] };
const good = { custom_id: 'a', method: 'POST', url: chat.endpoint, body };
const line = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const read = (value: unknown) => shape.readLine(line(value), chat);

describe('a line of OpenAI’s shape', () => {
  test('is read without its request being touched', () => {
    const text = `{ "body" : {"model" : "gpt-*" ,"messages":[1 ], "new_field":{"x":1.0}}, "custom_id":"a", "method":"POST", "url":"/v1/chat/completions" } \r`;
    const { customId, body: scanned, facts } = shape.readLine(Buffer.from(text), chat);
    assert.equal(customId, 'a');
    assert.equal(scanned.bytes.toString(), '{"model" : "gpt-*" ,"messages":[1 ], "new_field":{"x":1.0}}');
    assert.deepEqual([...scanned.fields.keys()], ['model', 'messages', 'new_field']);
    assert.equal(facts.model, 'gpt-*');
    assert.equal(facts.operation, 'chat');
  });

  test('may ask for embeddings, where the batch does', () => {
    const url = '/v1/embeddings';
    const value = { ...good, url, body: { model: 'embed', input: 'hi' } };
    assert.equal(shape.readLine(line(value), { endpoint: url }).facts.operation, 'embedding');
  });

  test('keeps any custom_id that can be kept', () => {
    for (const id of hostileIds) assert.equal(read({ ...good, custom_id: id }).customId, id);
    const escaped = JSON.stringify(good).replace('"a"', '"\\u0061\\n\\/"');
    assert.equal(shape.readLine(Buffer.from(escaped), chat).customId, 'a\n/');
  });

  const { custom_id: _1, ...noId } = good;
  const { method: _2, ...noMethod } = good;
  const { url: _3, ...noUrl } = good;
  const { body: _4, ...noBody } = good;
  const broken: readonly [string, Buffer, string | undefined, RegExp][] = [
    ['an empty line', Buffer.from(''), undefined, /^The line is empty\.$/],
    ['white space', Buffer.from('  \r'), undefined, /^The line is empty\.$/],
    ['no JSON', Buffer.from('hello'), undefined, /^The line is not valid JSON: expected "\{" at byte 0\.$/],
    ['an array', Buffer.from('[1]'), undefined, /^The line must be a JSON object\.$/],
    ['a string', Buffer.from('"x"'), undefined, /^The line must be a JSON object\.$/],
    [
      'half an object',
      line(good).subarray(0, 30),
      undefined,
      /^The line is not valid JSON: expected .* at byte 30/,
    ],
    ['two objects', Buffer.concat([line(good), line(good)]), undefined, /expected the end of the line/],
    [
      'a byte order mark',
      Buffer.concat([Buffer.from('\ufeff'), line(good)]),
      undefined,
      /begins with a byte order mark/,
    ],
    [
      'bytes that are not UTF-8',
      Buffer.concat([line(good), Buffer.from([0xff])]),
      undefined,
      /^The line is not valid UTF-8\.$/,
    ],
    ['no custom_id', line(noId), 'custom_id', /^"custom_id" is missing/],
    ['a custom_id of null', line({ ...good, custom_id: null }), 'custom_id', /^"custom_id" is missing/],
    [
      'a number as custom_id',
      line({ ...good, custom_id: 7 }),
      'custom_id',
      /must be a string, but it is a number/,
    ],
    ['an empty custom_id', line({ ...good, custom_id: '' }), 'custom_id', /"custom_id" is empty/],
    [
      'a custom_id of 10 kB',
      line({ ...good, custom_id: 'x'.repeat(10_000) }),
      'custom_id',
      /is 10000 characters long; the most is 512/,
    ],
    [
      'half a surrogate pair',
      Buffer.from(JSON.stringify(good).replace('"a"', '"\\ud800"')),
      'custom_id',
      /half a surrogate pair/,
    ],
    ['a NUL', Buffer.from(JSON.stringify(good).replace('"a"', '"\\u0000"')), 'custom_id', /NUL/],
    [
      'the custom_id twice',
      Buffer.from(JSON.stringify(good).replace('{', '{"custom_id":"b",')),
      undefined,
      /the key "custom_id" twice/,
    ],
    ['no method', line(noMethod), 'method', /^"method" is missing; it must be "POST"\.$/],
    [
      'another method',
      line({ ...good, method: 'GET' }),
      'method',
      /^"method" is "GET"; it must be "POST"\.$/,
    ],
    ['a method in lower case', line({ ...good, method: 'post' }), 'method', /is "post"/],
    ['no url', line(noUrl), 'url', /^"url" is missing; it must be "\/v1\/chat\/completions"/],
    [
      'the url of another endpoint',
      line({ ...good, url: '/v1/embeddings' }),
      'url',
      /is "\/v1\/embeddings"; it must be "\/v1\/chat\/completions", the endpoint of the batch/,
    ],
    ['no body', line(noBody), 'body', /^"body" is missing/],
    ['a text as body', line({ ...good, body: 'x' }), 'body', /^"body" must be an object/],
    [
      'a body with a key twice',
      Buffer.from(JSON.stringify(good).replace('"messages"', '"model":"b","messages"')),
      undefined,
      /The body has the key "model" twice/,
    ],
    [
      'no model',
      line({ ...good, body: { messages: [] } }),
      'body.model',
      /expected a string, but got nothing/,
    ],
    ['a stream', line({ ...good, body: { ...body, stream: true } }), 'body.stream', /cannot be streamed/],
    [
      'a body that is nested too deep',
      Buffer.from(JSON.stringify(good).replace('"hi"', `${'['.repeat(200)}`)),
      undefined,
      /nested over 128/,
    ],
  ];
  for (const [what, bytes, param, message] of broken)
    test(`is refused with ${what}`, () => {
      const error = refusal(() => shape.readLine(bytes, chat));
      assert.equal(error.code, 'invalid_request');
      assert.match(error.message, message);
      assert.equal(error.param, param);
    });
});

describe('a call of OpenAI’s shape', () => {
  const batch = batchOf({ shape: 'openai', endpoint: chat.endpoint, tags: ['t'], priority: 'low' });
  const call = shape.call(read(good), { id: 'item_1', batch, nowMs: batch.createdAtMs });

  test('has the terms of its batch', () => {
    assert.deepEqual(call.tags, ['t']);
    assert.equal(call.priority, 'low');
    assert.equal(call.budgetMs, batch.windowMs);
    assert.equal(call.batch, batch.id);
    assert.equal(call.protocol, 'openai-chat');
    assert.ok(call.draw >= 0 && call.draw < 1);
  });

  test('places items evenly in weighted steps, and each always alike', () => {
    const draws = Array.from(
      { length: 10_000 },
      (_, index) => shape.call(read(good), { id: `item_${index}`, batch, nowMs: 0 }).draw,
    );
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    assert.ok(Math.abs(mean - 0.5) < 0.02, String(mean));
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = draws.filter((draw) => Math.floor(draw * 10) === tenth).length / draws.length;
      assert.ok(Math.abs(share - 0.1) < 0.02, `${tenth}: ${share}`);
    }
    assert.equal(shape.call(read(good), { id: 'item_7', batch, nowMs: 5 }).draw, draws[7]);
  });

  test('tells the last words of the user and the form that is wanted', () => {
    const messages = [
      { role: 'user', content: 'first' },
      { role: 'user', content: [{ type: 'text', text: 'last' }] },
      { role: 'assistant', content: 'no' },
    ];
    const asked = read({ ...good, body: { ...body, messages, response_format: { type: 'json_object' } } });
    const other = shape.call(asked, { id: 'x', batch, nowMs: 0 });
    assert.equal(other.lastText(), 'last');
    assert.deepEqual(other.format(), { kind: 'json' });
    assert.equal(call.format(), undefined);
  });

  test('writes an answer as a sync call would have', () => {
    const written = JSON.parse(JSON.stringify(call.encodeAnswer(call.answerOf('yes'))));
    assert.equal(written.object, 'chat.completion');
    assert.equal(written.choices[0].message.content, 'yes');
    assert.equal(written.choices[0].finish_reason, 'stop');
    assert.throws(() => call.encodeAnswer({ model: 'm', vectors: [] }), /vectors/);
  });

  test('embeds, where the batch does', () => {
    const endpoint = '/v1/embeddings';
    const asked = shape.readLine(line({ ...good, url: endpoint, body: { model: 'e', input: ['a', 'b'] } }), {
      endpoint,
    });
    const embedding = shape.call(asked, { id: 'x', batch: { ...batch, endpoint }, nowMs: 0 });
    assert.equal(embedding.lastText(), 'b');
    assert.throws(() => embedding.answerOf('x'), /cannot stand for an embedding/);
    const written = JSON.parse(JSON.stringify(embedding.encodeAnswer({ model: 'm', vectors: [[1, 2]] })));
    assert.deepEqual(written.data[0].embedding, [1, 2]);
  });
});

describe('a result of OpenAI’s shape', () => {
  const batch = batchOf({ shape: 'openai', id: 'batch_77', endpoint: chat.endpoint });

  test('holds the answer as it came, and where it came from', () => {
    const { output, line: text } = shape.writeResult(
      doneItem(batch, 'a', '{\n  "x": "1\\n",\r\n "y": 1.0}\n'),
    );
    assert.equal(output, 'output');
    assert.ok(text.includes('"body":{ "x": "1\\n", "y": 1.0}'), text);
    assert.deepEqual(JSON.parse(text), {
      id: 'batch_req_77_3',
      custom_id: 'a',
      response: { status_code: 200, request_id: 'req_77_3', body: { x: '1\n', y: 1 } },
      error: null,
      intermodal: {
        target: 'openai/gpt-4.1-mini@batch',
        provider: 'openai',
        model: 'gpt-4.1-mini',
        mode: 'batch',
        attempts: 2,
        prompt_hash: 'h',
        cost_usd: 1e-9,
        list_cost_usd: 1.5,
        submission: 's00000000001',
      },
    });
  });

  test('comes back under its custom_id, on one line, whatever that is', () => {
    for (const id of hostileIds)
      for (const item of [doneItem(batch, id, '{}'), failedItem(batch, id, 'dead')]) {
        const { line: text } = shape.writeResult(item);
        assert.equal(JSON.parse(text).custom_id, id);
        assert.ok(!/[\r\n]/.test(text));
      }
  });

  test('of a rule has no target', () => {
    const item = doneItem(batch, 'a', '{}', { target: '' });
    const { intermodal } = JSON.parse(shape.writeResult(item).line);
    assert.deepEqual([intermodal.target, intermodal.mode], [null, 'rule']);
  });

  for (const kind of ['rejected', 'dead'] as const)
    test(`says what was answered where an item is ${kind}`, () => {
      const { output, line: text } = shape.writeResult(failedItem(batch, 'a', kind));
      assert.equal(output, 'error');
      assert.deepEqual(JSON.parse(text), {
        id: 'batch_req_77_3',
        custom_id: 'a',
        response: {
          status_code: 400,
          request_id: 'req_77_3',
          body: { error: { message: 'Not "so".', type: 'invalid_request_error', param: null, code: null } },
        },
        error: null,
        intermodal: { outcome: kind, line: 3, code: 'invalid_request', upstream: 'no' },
      });
    });

  for (const kind of ['expired', 'cancelled'] as const)
    test(`says that nothing was asked where an item is ${kind}`, () => {
      const written = JSON.parse(shape.writeResult(failedItem(batch, 'a', kind)).line);
      assert.equal(written.response, null);
      assert.deepEqual(written.error, { code: `batch_${kind}`, message: 'Not "so".' });
    });
});

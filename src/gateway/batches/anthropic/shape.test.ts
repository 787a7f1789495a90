import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf, doneItem, failedItem, hostileIds, refusal } from '../../../../test/support/batch-shape.ts';
import { dialectFolders } from '../../dialects/registry.ts';
import { createShape, readElement, writeElement } from './shape.ts';

const shape = createShape(dialectFolders.flatMap((folder) => folder.dialects));
const endpoint = { endpoint: '/v1/messages' };
const params = { model: 'assistant', max_tokens: 8, messages: [{ role: 'user', content: 'hi' }] };
const line = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('a line of Anthropic’s shape', () => {
  test('is what an element becomes, with the headers of the whole', () => {
    const element = readElement(
      Buffer.from(`{"params":{"model":"m" ,"messages":[1],"x":1.0}, "custom_id":"__proto__"}`),
    );
    const headers = { 'anthropic-beta': 'a,b' };
    const read = shape.readLine(writeElement(element, headers), endpoint);
    assert.equal(read.customId, '__proto__');
    assert.equal(read.body.bytes.toString(), '{"model":"m" ,"messages":[1],"x":1.0}');
    assert.deepEqual(read.headers, headers);
    assert.equal(shape.readLine(writeElement(element, {}), endpoint).headers, undefined);
    const batch = batchOf({ shape: 'anthropic', ...endpoint });
    const call = shape.call(read, { id: 'i', batch, nowMs: 0 });
    assert.deepEqual(call.headers, headers);
    assert.equal(call.protocol, 'anthropic-messages');
  });

  const good = { custom_id: 'a', params };
  const broken: readonly [string, Buffer, string | undefined, RegExp][] = [
    ['no JSON', Buffer.from('x'), undefined, /not valid JSON/],
    ['no custom_id', line({ params }), 'custom_id', /"custom_id" is missing/],
    ['a number as custom_id', line({ ...good, custom_id: 1 }), 'custom_id', /must be a string/],
    ['65 letters', line({ ...good, custom_id: 'x'.repeat(65) }), 'custom_id', /must match/],
    ['no params', line({ custom_id: 'a' }), 'params', /"params" is missing/],
    ['params of null', line({ ...good, params: null }), 'params', /"params" must be an object/],
    ['no model', line({ ...good, params: {} }), 'params.model', /Field required/],
    [
      'a stream',
      line({ ...good, params: { ...params, stream: true } }),
      'params.stream',
      /cannot be streamed/,
    ],
    ['the key twice', Buffer.from('{"custom_id":"a","custom_id":"b"}'), undefined, /twice/],
  ];
  for (const [what, bytes, param, message] of broken)
    test(`is refused with ${what}`, () => {
      const error = refusal(() => shape.readLine(bytes, endpoint));
      assert.match(error.message, message);
      assert.equal(error.param, param);
    });

  for (const id of hostileIds.filter((one) => !/^[\w-]+$/.test(one)))
    test(`is refused with the custom_id ${JSON.stringify(id.slice(0, 20))}`, () => {
      assert.match(
        refusal(() => shape.readLine(line({ ...good, custom_id: id }), endpoint)).message,
        /must match/,
      );
    });
});

describe('a result of Anthropic’s shape', () => {
  const batch = batchOf({ shape: 'anthropic', id: 'msgbatch_5', ...endpoint });
  const write = (item: Parameters<typeof shape.writeResult>[0]) => {
    const { output, line: text } = shape.writeResult(item);
    assert.equal(output, 'output');
    assert.ok(!/[\r\n]/.test(text));
    return JSON.parse(text);
  };

  test('holds the message as it came', () => {
    const { custom_id, result, intermodal } = write(doneItem(batch, 'a', '{"id":"msg_1",\n"content":[]}'));
    assert.equal(custom_id, 'a');
    assert.deepEqual(result, { type: 'succeeded', message: { id: 'msg_1', content: [] } });
    assert.equal(intermodal.provider, 'openai');
  });

  for (const kind of ['rejected', 'dead'] as const)
    test(`nests the error twice where an item is ${kind}`, () => {
      assert.deepEqual(write(failedItem(batch, 'a', kind)).result, {
        type: 'errored',
        error: {
          type: 'error',
          error: { type: 'invalid_request_error', message: 'Not "so".' },
          request_id: 'req_5_3',
        },
      });
    });

  test('says canceled, with one l, and expired', () => {
    assert.deepEqual(write(failedItem(batch, 'a', 'cancelled')).result, { type: 'canceled' });
    assert.deepEqual(write(failedItem(batch, 'a', 'expired')).result, { type: 'expired' });
  });
});

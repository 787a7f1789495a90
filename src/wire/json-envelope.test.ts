import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EnvelopeSplitter } from './json-envelope.ts';

const limits = { elementBytes: 1000, fieldBytes: 200 };

function split(
  text: string,
  size = text.length,
  most = limits,
): { elements: string[]; fields: Record<string, unknown> } {
  const splitter = new EnvelopeSplitter('requests', most);
  const bytes = Buffer.from(text);
  const elements: string[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, size))
    for (const element of splitter.push(Buffer.from(bytes.subarray(at, at + size))))
      elements.push(element.toString());
  splitter.finish();
  const fields = [...splitter.fields].map(([key, json]) => [key, JSON.parse(json)]);
  return { elements, fields: Object.fromEntries(fields) };
}

describe('EnvelopeSplitter', () => {
  test('takes an object apart however its bytes are cut, the array wherever it stands', () => {
    const text =
      ' {"a" : 1.5e3,"r":[1,[2]],\n"requests" : [ {"x":"]}\\"\\\\"} ,\r\n{"y":[{"é":"🙂"}]}],"b":{"requests":[1]},"c":null} \n';
    for (let size = 1; size <= text.length; size++)
      assert.deepEqual(split(text, size), {
        elements: ['{"x":"]}\\"\\\\"}', '{"y":[{"é":"🙂"}]}'],
        fields: { a: 1500, r: [1, [2]], b: { requests: [1] }, c: null },
      });
  });

  test('gives back any objects, each on a line of its own', () => {
    const object = fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 3,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.array(object, { maxLength: 5 }), fc.integer({ min: 1, max: 50 }), (requests, size) => {
        const wide = JSON.stringify({ model: 'm', requests }, null, 2);
        const { elements, fields } = split(wide, size, { elementBytes: 1e6, fieldBytes: 1e6 });
        assert.deepEqual(
          elements.map((one) => JSON.parse(one)),
          JSON.parse(JSON.stringify(requests)),
        );
        assert.ok(elements.every((one) => !/[\r\n]/.test(one)));
        assert.deepEqual(fields, { model: 'm' });
      }),
      { numRuns: 150 },
    );
  });

  test('an empty array is one, and no array is none', () => {
    const splitter = new EnvelopeSplitter('requests', limits);
    splitter.push(Buffer.from('{"requests":[]'));
    assert.equal(splitter.sawArray, true);
    assert.deepEqual(split('{}'), { elements: [], fields: {} });
  });

  const broken: readonly [string, RegExp][] = [
    ['[{}]', /must be a JSON object/],
    ['', /ended too early/],
    ['{"requests":[{}', /ended too early/],
    ['{"requests":[{"a":"x', /ended too early/],
    ['{"requests":[{}],', /ended too early/],
    ['{"requests":[{}]} x', /the end of the body at byte 18/],
    ['{"requests":{}}', /"requests" must be an array/],
    ['{"requests":null}', /"requests" must be an array/],
    ['{"requests":[1]}', /requests\.0: every element must be an object/],
    ['{"requests":[{},"x"]}', /requests\.1: every element must be an object/],
    ['{"requests":[{} {}]}', /expected "," or "\]"/],
    ['{"requests":[{},]}', /expected an element/],
    ['{"requests":[,{}]}', /every element must be an object/],
    ['{"requests":[{}],"requests":[{}]}', /the key "requests" twice/],
    ['{"requests":[{]}]}', /a matching bracket/],
    ['{"requests":[{"a":"b\nc"}]}', /no line break inside a string/],
    ['{"a":1,"a":2}', /the key "a" twice/],
    ['{"a":1,}', /a key in double quotes/],
    ['{,"a":1}', /a key in double quotes/],
    ['{"a" 1}', /expected ":"/],
    ['{"a":}', /The value of "a" is not valid JSON/],
    ['{"a":nope}', /The value of "a" is not valid JSON/],
    ['{"a":1 "b":2}', /The value of "a" is not valid JSON/],
    ['{"a":"x" "b":2}', /expected "," or "}"/],
    ['{a:1}', /a key in double quotes/],
    ['{"\\x":1}', /A key is not valid JSON/],
    [`{"requests":[{"a":${'['.repeat(200)}`, /nested over 128 levels/],
    [`{"requests":[{"a":"${'x'.repeat(1001)}"}]}`, /requests\.0: over 1000 bytes/],
    [`{"a":"${'x'.repeat(150)}","b":"${'x'.repeat(100)}"}`, /All but the requests together: over/],
  ];
  for (const [text, message] of broken)
    test(`refuses ${text.slice(0, 40) || 'nothing'}`, () => {
      for (const size of [1, 3, 1000]) assert.throws(() => split(text, size), message);
    });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../core/errors.ts';
import { editBody, maxDepth, parseBody, readField, scanBody } from './json-scan.ts';

const scan = (text: string) => scanBody(Buffer.from(text));

function refused(body: Buffer): GatewayError {
  try {
    scanBody(body);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError);
    assert.equal(thrown.code, 'invalid_request');
    return thrown;
  }
  assert.fail('the body was accepted');
}

describe('scanBody', () => {
  test('finds the top-level fields and leaves nested ones alone', () => {
    const body = scan(' {"model":"a","nested":{"model":"b"},"list":[1,{"x":"}"}], "stream" : true }\n');
    assert.deepEqual([...body.fields.keys()], ['model', 'nested', 'list', 'stream']);
    assert.equal(readField(body, 'model'), 'a');
    assert.equal(readField(body, 'stream'), true);
    assert.deepEqual(readField(body, 'list'), [1, { x: '}' }]);
    assert.equal(readField(body, 'missing'), undefined);
  });

  test('reads what JSON.parse reads, for any object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (object) => {
        const body = scanBody(Buffer.from(JSON.stringify(object)));
        assert.deepEqual([...body.fields.keys()].sort(), Object.keys(object).sort());
        for (const key of body.fields.keys())
          assert.deepEqual(readField(body, key), JSON.parse(JSON.stringify(object))[key]);
        assert.deepEqual(parseBody(body), JSON.parse(JSON.stringify(object)));
      }),
      { numRuns: 500 },
    );
  });

  const broken: readonly [string, string, RegExp][] = [
    ['an empty body', '', /must be a JSON object/],
    ['an array', '[1]', /must be a JSON object/],
    ['a missing colon', '{"a" 1}', /expected ":" at byte 5/],
    ['an unfinished string', '{"a":"b', /the end of a string/],
    ['an unfinished object', '{"a":{"b":1}', /"," or "}"/],
    ['crossed brackets', '{"a":[1}]}', /a matching bracket at byte 7/],
    ['text after the end', '{"a":1} x', /the end of the body at byte 8/],
    ['a key twice', '{"model":"a","model":"b"}', /"model" twice/],
    ['a key twice, once escaped', '{"model":"a","mod\\u0065l":"b"}', /"model" twice/],
    ['a bare key', '{a:1}', /a key in double quotes/],
    ['no value', '{"a":}', /a value at byte 5/],
    ['endless depth', `{"a":${'['.repeat(maxDepth + 1)}`, /nested over 128 levels/],
  ];
  for (const [what, text, message] of broken) {
    test(`refuses ${what}`, () => assert.match(refused(Buffer.from(text)).message, message));
  }

  test('refuses invalid UTF-8 and accepts a byte order mark', () => {
    assert.match(refused(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])).message, /not valid UTF-8/);
    assert.equal(readField(scan('\ufeff{"model":"é"}'), 'model'), 'é');
    assert.deepEqual(parseBody(scan('\ufeff{"model":"é"}')), { model: 'é' });
  });

  test('leaves broken words inside values to whoever parses them', () => {
    const body = scan('{"a":{"b":tru}}');
    assert.throws(() => readField(body, 'a'), /not valid JSON/);
    assert.throws(() => parseBody(body), GatewayError);
  });
});

describe('editBody', () => {
  test('replaces a value and keeps every other byte', () => {
    const text = '{ "messages":[{"content":"ü\\"}"}] , "model" : "old", "unknown":1.0e5 }';
    const edited = editBody(scan(text), { set: { model: '"neu-ß"' } }).toString();
    assert.equal(edited, text.replace('"old"', '"neu-ß"'));
  });

  test('gives what deleting and assigning on the parsed object gives', () => {
    const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(
        fc.dictionary(keys, fc.jsonValue(), { noNullPrototype: true }),
        fc.uniqueArray(keys),
        fc.dictionary(keys, fc.string(), { noNullPrototype: true }),
        fc.constantFrom(undefined, 1),
        (object, remove, set, indent) => {
          const kept = remove.filter((key) => !(key in set));
          const body = scanBody(Buffer.from(JSON.stringify(object, null, indent)));
          const json = Object.fromEntries(
            Object.entries(set).map(([key, value]) => [key, JSON.stringify(value)]),
          );
          const expected = { ...JSON.parse(JSON.stringify(object)), ...set };
          for (const key of kept) delete expected[key];
          assert.deepEqual(JSON.parse(editBody(body, { set: json, remove: kept }).toString()), expected);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

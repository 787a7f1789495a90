import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createListSplitter } from './json-list.ts';

const text =
  '{"first":["results",[1]],"status":"a \\"results\\" [","n":{"results":[9]},"results": [ {"id":"é\\u2028]","x":[1,{"y":"}"}]}, "half {", 7 ,[]\n], "last":null}';
const elements = [{ id: 'é\u2028]', x: [1, { y: '}' }] }, 'half {', 7, []];
const around = {
  first: ['results', [1]],
  status: 'a "results" [',
  n: { results: [9] },
  results: [],
  last: null,
};

function split(parts: readonly Buffer[]): { readonly elements: unknown[]; readonly around: unknown } {
  const splitter = createListSplitter('results');
  const found = parts.flatMap((part) => splitter.push(part)).map((one): unknown => JSON.parse(one));
  return { elements: found, around: splitter.end() };
}

describe('a long list in an object', () => {
  test('is cut into its elements, wherever its bytes are cut', () => {
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at++)
      assert.deepEqual(split([bytes.subarray(0, at), bytes.subarray(at)]), { elements, around }, `at ${at}`);
    assert.deepEqual(split([...bytes].map((byte) => Buffer.from([byte]))), { elements, around });
  });

  test('may be empty, or not there', () => {
    assert.deepEqual(split([Buffer.from('{"results":[],"a":1}')]), {
      elements: [],
      around: { results: [], a: 1 },
    });
    assert.deepEqual(split([Buffer.from('{"status":"processing"}')]), {
      elements: [],
      around: { status: 'processing' },
    });
  });

  test('that was cut gives the elements that came, and no object', () => {
    assert.deepEqual(split([Buffer.from('{"results":[{"a":1},{"b":')]), {
      elements: [{ a: 1 }],
      around: undefined,
    });
  });

  test('takes no element beyond its bound, and none of it is held', () => {
    const splitter = createListSplitter('results', 10);
    assert.throws(() => splitter.push(Buffer.from('{"results":["0123456789')), /over 10 bytes/);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Frame, FrameDecoder } from '../core/stream.ts';
import { createJsonArraySplitter } from './json-array.ts';
import { readArrayOrSse } from './json-array-stream.ts';

function split(bytes: Buffer, cuts: readonly number[]): readonly string[] {
  const splitter = createJsonArraySplitter();
  const elements: string[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    elements.push(...splitter.push(bytes.subarray(from, cut)));
    from = cut;
  }
  return elements;
}

describe('a JSON array in pieces', () => {
  test('any objects come out as they went in, whatever the cuts and the white space', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(
        fc.array(object),
        fc.array(fc.nat()),
        fc.constantFrom('', ' ', '\r\n'),
        (objects, at, space) => {
          const text = `[${space}${objects.map((one) => JSON.stringify(one)).join(`${space},${space}`)}]${space}`;
          const bytes = Buffer.from(text);
          const cuts = at.map((one) => one % (bytes.length + 1)).sort((a, b) => a - b);
          assert.deepEqual(
            split(bytes, cuts).map((element) => JSON.parse(element)),
            JSON.parse(text),
          );
        },
      ),
    );
  });

  test('brackets, quotes and escapes inside strings end nothing', () => {
    const text = '[{"a":"}]\\"[{"},{"b":"\\\\"}]';
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at++)
      assert.deepEqual(split(bytes, [at]), ['{"a":"}]\\"[{"}', '{"b":"\\\\"}']);
  });

  test('an element comes as soon as it is whole, not with the array', () => {
    const splitter = createJsonArraySplitter();
    assert.deepEqual(splitter.push(Buffer.from('[{"a":1}')), ['{"a":1}']);
    assert.deepEqual(splitter.push(Buffer.from('\n,{"b"')), []);
    assert.equal(splitter.closed(), false);
    assert.deepEqual(splitter.push(Buffer.from(':2}]')), ['{"b":2}']);
    assert.equal(splitter.closed(), true);
    assert.deepEqual(splitter.push(Buffer.from('{"c":3}')), []);
  });

  test('an element over the limit is refused while it comes', () => {
    const splitter = createJsonArraySplitter(100);
    splitter.push(Buffer.from(`[{"a":"${'x'.repeat(60)}`));
    assert.throws(() => splitter.push(Buffer.from('x'.repeat(60))), { code: 'upstream_malformed' });
  });

  test('the limit is for one element, not for the array', () => {
    const splitter = createJsonArraySplitter(100);
    splitter.push(Buffer.from('['));
    for (let index = 0; index < 50; index++)
      assert.equal(splitter.push(Buffer.from(`{"a":"${'x'.repeat(80)}"},`)).length, 1);
  });
});

describe('an array or SSE', () => {
  function frames(pieces: readonly string[]): readonly string[] {
    const seen: string[] = [];
    const family: FrameDecoder = {
      frame: (frame: Frame) => seen.push(frame.data),
      finish: (emit) => emit({ type: 'end' }),
    };
    const reader = readArrayOrSse(family);
    for (const piece of pieces) reader.push(Buffer.from(piece), () => {});
    reader.finish(() => {});
    return seen;
  }

  test('are told apart by their first byte', () => {
    assert.deepEqual(frames(['data: {"a":1}\n\n']), ['{"a":1}']);
    assert.deepEqual(frames([' \n', '[{"a":1}', ']']), ['{"a":1}']);
    assert.deepEqual(frames(['{"error":{}}']), ['{"error":{}}']);
    assert.deepEqual(frames([]), []);
  });
});

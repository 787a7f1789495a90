/** Lines come out the same however the bytes are cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type JsonLine, LineSplitter, parseLine, splitLines } from './jsonl.ts';

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size = 1_000, mostBytes?: number): Promise<readonly JsonLine[]> {
  const lines: JsonLine[] = [];
  for await (const handful of splitLines(cut(Buffer.from(text), size), mostBytes)) lines.push(...handful);
  return lines;
}

describe('splitLines', () => {
  for (const size of [1, 2, 3, 7, 1_000]) {
    test(`takes off BOM, CR and blank lines, keeps U+2028, in chunks of ${size} bytes`, async () => {
      const text = '\uFEFF{"a":1}\r\n\r\n  \n{"b":"x\u2028y"}\n\n{"c":3}';
      const lines = await read(text, size);
      assert.deepEqual(lines.map(parseLine), [{ a: 1 }, { b: 'x\u2028y' }, { c: 3 }]);
      assert.deepEqual(
        lines.map((line) => line.number),
        [1, 4, 6],
      );
      const whole = Buffer.from(text);
      for (const line of lines)
        assert.equal(whole.subarray(line.at, line.at + line.bytes).toString(), line.text?.toString());
    });

    test(`tells a line over the bound without its text and goes on, in chunks of ${size} bytes`, async () => {
      const lines = await read(`{"a":1}\n"${'x'.repeat(50)}"\n{"b":2}\n`, size, 20);
      assert.deepEqual(
        lines.map((line) => [line.number, line.at, line.bytes, line.text?.toString()]),
        [
          [1, 0, 7, '{"a":1}'],
          [2, 8, 52, undefined],
          [3, 61, 7, '{"b":2}'],
        ],
      );
      assert.equal(lines[1] === undefined ? 0 : parseLine(lines[1]), undefined);
    });
  }

  test('nothing has no lines, and what is no JSON is undefined', async () => {
    assert.deepEqual(await read(''), []);
    assert.deepEqual(await read('\n\r\n \n'), []);
    assert.deepEqual((await read('{"a":\n')).map(parseLine), [undefined]);
  });

  test('any lines cut anywhere are the same lines', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.json().filter((text) => !/[\r\n]/.test(text))),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (values, size, ended) => {
          const text = values.join('\n') + (ended ? '\n' : '');
          const lines = await read(text, size);
          assert.deepEqual(
            lines.map((line) => line.text?.toString()),
            values,
          );
        },
      ),
    );
  });

  test('a line in many pieces is put together once', () => {
    const splitter = new LineSplitter();
    const piece = Buffer.alloc(1_000, 'x');
    for (let times = 0; times < 5_000; times++) assert.deepEqual(splitter.push(piece), []);
    assert.equal(splitter.push(Buffer.from('\n'))[0]?.bytes, 5_000_000);
    assert.deepEqual(splitter.end(), []);
  });
});

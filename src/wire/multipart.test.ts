import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import { readBoundary, readForm } from './multipart.ts';

async function* cutAt(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

interface Read {
  readonly name: string;
  readonly filename?: string;
  readonly text: string;
}

async function read(text: string, size = text.length, boundary = 'b'): Promise<Read[]> {
  const parts: Read[] = [];
  for await (const { bytes, ...part } of readForm(cutAt(Buffer.from(text), Math.max(1, size)), boundary)) {
    const pieces: Buffer[] = [];
    for await (const piece of bytes) pieces.push(Buffer.from(piece));
    parts.push({ ...part, text: Buffer.concat(pieces).toString() });
  }
  return parts;
}

const part = (disposition: string, text: string, more = ''): string =>
  `--b\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n${text}\r\n`;

describe('readForm', () => {
  const form = `${part('name="purpose"', 'batch')}${part('name="file"; filename="a.jsonl"', '{"a":1}\r\n--\r\n--bx? no\n', 'Content-Type: text/plain\r\n')}${part('name=empty', '')}--b--\r\n`;
  // "--bx" begins with the boundary, so it ends the part by the letter of the standard; senders pick boundaries that are not in the file.
  const safe = form.replace('--bx? no', '-- bx');
  const whole: Read[] = [
    { name: 'purpose', text: 'batch' },
    { name: 'file', filename: 'a.jsonl', text: '{"a":1}\r\n--\r\n-- bx\n' },
    { name: 'empty', text: '' },
  ];

  test('reads the same parts however the bytes are cut', async () => {
    for (let size = 1; size <= safe.length; size++)
      assert.deepEqual(await read(safe, size), whole, `cut every ${size} bytes`);
  });

  test('reads past a preamble, and past what follows the end', async () => {
    assert.deepEqual(await read(`hello\r\n${safe}bye --b\r\n`), whole);
  });

  test('skips a part that nobody reads', async () => {
    const names: string[] = [];
    for await (const { name } of readForm(cutAt(Buffer.from(safe), 7), 'b')) names.push(name);
    assert.deepEqual(names, ['purpose', 'file', 'empty']);
  });

  test('goes on after a part of which only the beginning was read', async () => {
    const names: string[] = [];
    for await (const { name, bytes } of readForm(cutAt(Buffer.from(safe), 3), 'b')) {
      names.push(name);
      for await (const _ of bytes) break;
    }
    assert.deepEqual(names, ['purpose', 'file', 'empty']);
  });

  const filenames: readonly [string, string][] = [
    ['filename="a \\"b\\".jsonl"', 'a "b".jsonl'],
    ['filename="a%22b.jsonl"', 'a"b.jsonl'],
    ['filename="x"; filename*=UTF-8\'\'caf%C3%A9.jsonl', 'café.jsonl'],
    ['filename="日本.jsonl"', '日本.jsonl'],
    ['filename=plain.jsonl', 'plain.jsonl'],
    ['filename=""', ''],
  ];
  for (const [written, filename] of filenames)
    test(`reads ${written}`, async () => {
      const parts = await read(`${part(`name="file"; ${written}`, 'x')}--b--`);
      assert.deepEqual(parts, [{ name: 'file', filename, text: 'x' }]);
    });

  const broken: readonly [string, string, RegExp][] = [
    ['an empty body', '', /ends before its closing boundary/],
    ['no boundary at all', 'hello', /ends before its closing boundary/],
    ['an end in a head', '--b\r\nContent-Disp', /ends before its closing boundary/],
    [
      'an end in a part',
      part('name="file"; filename="a"', 'x').slice(0, -2),
      /ends before its closing boundary/,
    ],
    ['an end right after a boundary', '--b', /ends before its closing boundary/],
    ['a boundary that goes on', '--bcd\r\n', /neither a line break nor "--"/],
    [
      'a part without a disposition',
      '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--',
      /no "content-disposition/,
    ],
    ['a part without a name', part('filename="x"', 'x'), /A part has no name/],
    ['a part in base64', part('name="file"', 'x', 'Content-Transfer-Encoding: base64\r\n'), /"base64"/],
    ['a head without end', `--b\r\n${'x'.repeat(9000)}`, /headers are over 8192 bytes/],
    ['parts without end', `${part('name="x"', 'y').repeat(101)}--b--`, /over 100 parts/],
    [
      'an extended name that is none',
      part('name="file"; filename*=UTF-8\'\'%FF', 'x'),
      /percent-encoded UTF-8/,
    ],
  ];
  for (const [what, text, message] of broken)
    test(`refuses ${what}`, async () => {
      for (const size of [1, 5, 100_000])
        await assert.rejects(read(text, size), (error) => {
          assert.ok(error instanceof GatewayError);
          assert.equal(error.code, 'invalid_request');
          assert.match(error.message, message);
          return true;
        });
    });
});

describe('readBoundary', () => {
  test('reads it quoted or not, wherever it stands', () => {
    assert.equal(readBoundary('multipart/form-data; boundary=abc'), 'abc');
    assert.equal(readBoundary('Multipart/Form-Data; charset=utf-8; boundary="a b"'), 'a b');
  });

  for (const [type, message] of [
    [undefined, /content-type is missing/],
    ['application/json', /"application\/json"/],
    ['multipart/form-data', /names no boundary/],
    ['multipart/form-data; boundary=', /names no boundary/],
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, /names no boundary/],
  ] as const)
    test(`refuses ${type?.slice(0, 60) ?? 'none'}`, () => assert.throws(() => readBoundary(type), message));
});

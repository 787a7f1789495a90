/** Parts come out the same however the bytes are cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { boundaryOf, MultipartError, readParts } from './multipart.ts';

const body =
  '--b0\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n' +
  '--b0\r\nContent-Disposition: form-data; name="file"; filename="a b.jsonl"\r\nContent-Type: x/y\r\n\r\n' +
  '{"a":1}\r\n--b\r\n--b1\n\r\n--b0--\r\n';

async function* cut(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size: number, skip = false) {
  const parts: { name: string; filename: string | undefined; text: string }[] = [];
  for await (const part of readParts(cut(text, size), 'b0')) {
    const chunks: Buffer[] = [];
    if (!skip) for await (const chunk of part.body) chunks.push(chunk);
    parts.push({ name: part.name, filename: part.filename, text: Buffer.concat(chunks).toString() });
  }
  return parts;
}

describe('readParts', () => {
  for (const size of [1, 2, 5, 17, 1_000])
    test(`finds parts in chunks of ${size} bytes, and what looks like a boundary is none`, async () => {
      assert.deepEqual(await read(body, size), [
        { name: 'purpose', filename: undefined, text: 'batch' },
        { name: 'file', filename: 'a b.jsonl', text: '{"a":1}\r\n--b\r\n--b1\n' },
      ]);
      assert.equal((await read(body, size, true)).length, 2, 'a part that nobody reads is passed over');
      await assert.rejects(read(body.slice(0, -8), size), MultipartError);
    });

  test('the boundary may be quoted, and other types have none', () => {
    assert.equal(boundaryOf('multipart/form-data; boundary="a b"'), 'a b');
    assert.equal(boundaryOf('multipart/form-data; charset=utf-8; boundary=ab'), 'ab');
    assert.equal(boundaryOf('application/json'), undefined);
  });
});

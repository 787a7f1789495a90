import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sliceBytes } from './range.ts';

test('a range reads no further than it reaches, however the bytes are cut', async () => {
  const text = '0123456789';
  for (let size = 1; size <= 10; size++)
    for (let from = 0; from < 10; from++)
      for (let to = from + 1; to <= 10; to++) {
        let read = 0;
        async function* chunks(): AsyncGenerator<Uint8Array> {
          for (; read < 10; ) {
            const start = read;
            read += size;
            yield Buffer.from(text.slice(start, start + size));
          }
        }
        const pieces: Uint8Array[] = [];
        for await (const piece of sliceBytes(chunks(), from, to)) pieces.push(piece);
        assert.equal(Buffer.concat(pieces).toString(), text.slice(from, to));
        assert.ok(read < to + size, `${read} of ${to}`);
      }
});

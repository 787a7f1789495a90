/** Ranges of a blob, near and far, through one buffer. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { makeId } from '../core/ids.ts';
import type { Blobs } from '../stores/contract.ts';
import { openDiskBlobs } from '../stores/disk/blobs.ts';
import { openLocal, readThrough } from './local-blob.ts';

const folder = mkdtempSync(join(tmpdir(), 'intermodal-local-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A megabyte in which every eight bytes tell where they are. */
const whole = Buffer.from(
  Array.from({ length: 131_072 }, (_, index) => `${index * 8}`.padStart(8, '.')).join(''),
);

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const disk = await openDiskBlobs(folder);
await disk.write('whole', once(whole));
/** As a store beyond this machine: no file of its own. */
const far: Blobs = {
  shown: disk.shown,
  write: (key, parts) => disk.write(key, parts),
  read: (key, start, end) => disk.read(key, start, end),
  remove: (key) => disk.remove(key),
};

describe('a blob that is read here and there', () => {
  for (const [name, blobs] of [
    ['a file', disk],
    ['a copy', far],
  ] as const) {
    const world = { blobs, scratch: folder, makeId };

    test(`gives every range that it has, in any order, as ${name}`, async () => {
      const local = await openLocal(world, 'whole');
      const ranges = [0, 8, 800, 260_000, 262_140, 262_150, 900_000, 16, 1_048_568, 500_000].map((at) => [
        at,
        8,
      ]);
      for (const [at = 0, bytes = 0] of [...ranges, [0, whole.length], [4, 600_000]])
        assert.ok(local.read(at, bytes).equals(whole.subarray(at, at + bytes)), `${bytes} bytes at ${at}`);
      await local.close();
    });

    test(`says so where it ends, as ${name}`, async () => {
      const local = await openLocal(world, 'whole');
      assert.throws(() => local.read(whole.length - 4, 8), /ends before/);
      await local.close();
    });

    test(`is whole from front to back, as ${name}`, async () => {
      const parts: Buffer[] = [];
      for await (const part of readThrough(world, 'whole')) parts.push(Buffer.from(part));
      assert.ok(Buffer.concat(parts).equals(whole));
    });
  }
});

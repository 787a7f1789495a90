/**
 * A blob that is read here and there: its own file where it is one on this machine, else a copy of it on the scratch disk. Reads are synchronous: a
 * kilobyte out of the page cache takes two microseconds, and a promise for each of a million takes twenty.
 */
import { closeSync, createWriteStream, openSync, readSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BatchWorldInside } from './world.ts';

export interface LocalBlob {
  /** A copy. */
  read(at: number, bytes: number): Buffer;
  close(): Promise<void>;
}

export async function openLocal(world: BatchWorldInside, blob: string): Promise<LocalBlob> {
  const own = world.blobs.localPath?.(blob);
  const path = own ?? (await copyOf(world, blob));
  const file = openSync(path, 'r');
  return {
    read(at, bytes) {
      const buffer = Buffer.allocUnsafe(bytes);
      let done = 0;
      while (done < bytes) {
        const count = readSync(file, buffer, done, bytes - done, at + done);
        if (count === 0) throw new Error(`${blob} ends before ${at + bytes}.`);
        done += count;
      }
      return buffer;
    },
    async close() {
      closeSync(file);
      if (own === undefined) await unlink(path);
    },
  };
}

async function copyOf(world: BatchWorldInside, blob: string): Promise<string> {
  const path = join(world.scratch, world.makeId('copy_'));
  await pipeline(Readable.from(world.blobs.read(blob)), createWriteStream(path));
  return path;
}

/**
 * A blob that is read here and there: its own file where it is one on this machine, else a copy of it on the scratch disk. Reads are synchronous: a
 * kilobyte out of the page cache takes two microseconds, and a promise for each of a million takes twenty.
 */
import { closeSync, createWriteStream, openSync, readSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BatchWorldInside } from './world.ts';

const windowBytes = 256 * 1024;
/** A gap that is cheaper to read over than to jump. */
const nearBytes = 64 * 1024;

export interface LocalBlob {
  /** Valid until the next read. Ranges that lie close behind one another come out of one read. */
  read(at: number, bytes: number): Buffer;
  close(): Promise<void>;
}

export async function openLocal(world: BatchWorldInside, blob: string): Promise<LocalBlob> {
  const own = world.blobs.localPath?.(blob);
  const path = own ?? (await copyOf(world, blob));
  const file = openSync(path, 'r');
  let buffer = Buffer.allocUnsafe(windowBytes);
  /** What of the blob is in the buffer. */
  let from = 0;
  let until = 0;
  return {
    read(at, bytes) {
      if (at < from || at + bytes > until) {
        // Where reading goes forward by small steps, what comes next is wanted too; where it jumps, it is not.
        const ahead = at >= from && at <= until + nearBytes ? windowBytes : bytes;
        if (bytes > buffer.length) buffer = Buffer.allocUnsafe(bytes);
        from = at;
        until = at + fill(file, buffer, at, Math.max(bytes, Math.min(ahead, buffer.length)));
        if (at + bytes > until) throw new Error(`${blob} ends before ${at + bytes}.`);
      }
      return buffer.subarray(at - from, at - from + bytes);
    },
    async close() {
      closeSync(file);
      if (own === undefined) await unlink(path);
    },
  };
}

/** Reads as much as there is, up to `bytes`. */
function fill(file: number, buffer: Buffer, at: number, bytes: number): number {
  let done = 0;
  while (done < bytes) {
    const count = readSync(file, buffer, done, bytes - done, at + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** All of a blob, front to back, through one buffer: each part is valid until the next is asked for. */
export async function* readThrough(world: BatchWorldInside, blob: string): AsyncGenerator<Buffer> {
  const path = world.blobs.localPath?.(blob);
  if (path === undefined) {
    for await (const part of world.blobs.read(blob))
      yield Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    return;
  }
  yield* readFileThrough(path);
}

/** As `readThrough`, of a file. */
export async function* readFileThrough(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(windowBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, windowBytes);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function copyOf(world: BatchWorldInside, blob: string): Promise<string> {
  const path = join(world.scratch, world.makeId('copy_'));
  await pipeline(Readable.from(world.blobs.read(blob)), createWriteStream(path));
  return path;
}

/** Objects in a folder of their own, made with the first of them and removed with the simulator. Memory holds their names alone. */
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { ObjectStore, StoredObject } from './contract.ts';

interface Kept extends StoredObject {
  readonly path: string;
}

export interface ClosableStore extends ObjectStore {
  /** Writes in pieces as they are made; some 256 kB are held. */
  openWriter(key: string): ObjectWriter;
  close(): void;
}

export interface ObjectWriter {
  write(text: string): Promise<void>;
  end(): Promise<StoredObject>;
}

const heldBytes = 256 * 1024;

export function createObjectStore(clock: Pick<Clock, 'now'>): ClosableStore {
  const kept = new Map<string, Kept>();
  let folder: string | undefined;
  let number = 0;
  let closed = false;

  function newPath(): string {
    if (closed) throw new Error('the simulator is closed');
    folder ??= mkdtempSync(join(tmpdir(), 'intermodal-simulator-'));
    return join(folder, String(++number));
  }

  const keep = (key: string, bytes: number, path: string): Kept => {
    const object = { key, bytes, createdAtMs: clock.now(), path, tags: {} };
    const before = kept.get(key);
    if (before !== undefined && before.path !== path) drop(before.path);
    kept.set(key, object);
    return object;
  };

  // A reader that is at it keeps its bytes; the folder goes at the end whatever happens here.
  const drop = (path: string): void => void unlink(path).catch(() => {});

  const store: ClosableStore = {
    async write(key, bytes, options) {
      const before = options?.append === true ? kept.get(key) : undefined;
      const path = before?.path ?? newPath();
      const file = await open(path, 'a');
      let written = before?.bytes ?? 0;
      try {
        for await (const chunk of bytes) {
          await writeAll(file, chunk);
          written += chunk.length;
        }
      } catch (thrown) {
        if (before === undefined) drop(path);
        throw thrown;
      } finally {
        await file.close();
      }
      return keep(key, written, path);
    },
    tag(key, tags) {
      const object = kept.get(key);
      if (object === undefined) return undefined;
      const tagged = { ...object, tags };
      kept.set(key, tagged);
      return tagged;
    },
    find: (key) => kept.get(key),
    list: (prefix) =>
      [...kept.values()].filter(({ key }) => key.startsWith(prefix)).sort((a, b) => (a.key < b.key ? -1 : 1)),
    async *read(key, range) {
      const object = kept.get(key);
      const start = range?.start ?? 0;
      const end = Math.min(range?.end ?? Number.POSITIVE_INFINITY, object?.bytes ?? 0);
      if (object === undefined || start >= end) return;
      const stream = createReadStream(object.path, { start, end: end - 1, highWaterMark: heldBytes });
      for await (const chunk of stream) if (Buffer.isBuffer(chunk)) yield chunk;
    },
    remove(key) {
      const object = kept.get(key);
      if (object === undefined) return false;
      kept.delete(key);
      drop(object.path);
      return true;
    },
    openWriter(key) {
      const path = newPath();
      let file: Promise<FileHandle> | undefined;
      let parts: string[] = [];
      let held = 0;
      let bytes = 0;
      const flush = async (): Promise<void> => {
        file ??= open(path, 'a');
        const chunk = Buffer.from(parts.join(''));
        parts = [];
        held = 0;
        bytes += chunk.length;
        await writeAll(await file, chunk);
      };
      return {
        async write(text) {
          parts.push(text);
          held += text.length;
          if (held >= heldBytes) await flush();
        },
        async end() {
          await flush();
          await (await file)?.close();
          return keep(key, bytes, path);
        },
      };
    },
    close() {
      closed = true;
      kept.clear();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  return store;
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  let at = 0;
  while (at < chunk.length) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}

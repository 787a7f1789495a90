/**
 * Blobs as files in a folder. A blob is written beside its place under a hidden name, flushed, renamed, and its folder flushed: it is
 * there whole or not at all, whenever the power goes. What a killed process left under such a name is removed when the folder is
 * opened again.
 *
 * Several processes may share the folder. Whose a hidden name is stands in it: host and process; who is alive keeps his.
 */
import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../core/clock.ts';
import { checkBlobKey } from '../blob-key.ts';
import type { Blobs } from '../contract.ts';
import { StoreError } from '../store-error.ts';

/** As the contract promises. Smaller would cost more calls, larger more memory for each reader. */
const mostPartBytes = 1_048_576;
/** No write takes that long; a name of another host that is older belongs to nobody. */
const strayAfterMs = 86_400_000;

/** Hidden names that this process is writing now: its id alone does not tell them from those of an earlier process. */
const writing = new Set<string>();

const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, '-');
const hiddenPattern = /^\.(?<host>[A-Za-z0-9-]*)\.(?<pid>\d+)\.[0-9a-f-]{36}\.part$/;

export async function openDiskBlobs(path: string, clock: Clock = systemClock): Promise<Blobs> {
  if (path === '') throw new StoreError('The place for blobs has no path. Write the path of a folder.');
  const root = resolve(path);
  await told(`The folder for blobs ${path} cannot be used`, async () => {
    await mkdir(root, { recursive: true });
    await removeStrays(root, clock.now());
  });

  return {
    shown: path,

    localPath(key) {
      checkBlobKey(key);
      return join(root, key);
    },

    async write(key, parts) {
      checkBlobKey(key);
      const place = join(root, key);
      const what = `The blob ${key} cannot be written in ${path}`;
      await told(what, () => makeFolder(root, dirname(place)));
      const hidden = join(dirname(place), `.${host}.${process.pid}.${randomUUID()}.part`);
      writing.add(hidden);
      try {
        const bytes = await writeHidden(what, hidden, parts);
        await told(what, async () => {
          await rename(hidden, place);
          await flushFolder(dirname(place));
        });
        return { bytes };
      } catch (thrown) {
        await rm(hidden, { force: true });
        throw thrown;
      } finally {
        writing.delete(hidden);
      }
    },

    read(key, start = 0, end = Number.POSITIVE_INFINITY) {
      return read(path, root, key, start, end);
    },

    async remove(key) {
      checkBlobKey(key);
      await told(`The blob ${key} cannot be removed from ${path}`, async () => {
        try {
          await rm(join(root, key));
          await flushFolder(dirname(join(root, key)));
        } catch (thrown) {
          if (!isAbsent(thrown)) throw thrown;
        }
      });
    },
  };
}

/** What `parts` throws goes through as it is. */
async function writeHidden(what: string, hidden: string, parts: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await told(what, () => open(hidden, 'wx'));
  try {
    let bytes = 0;
    for await (const part of parts) {
      await told(what, () => file.appendFile(part));
      bytes += part.byteLength;
    }
    await told(what, () => file.sync());
    return bytes;
  } finally {
    await file.close();
  }
}

async function* read(
  path: string,
  root: string,
  key: string,
  start: number,
  end: number,
): AsyncIterable<Uint8Array> {
  checkBlobKey(key);
  const what = `The blob ${key} cannot be read in ${path}`;
  const file = await openToRead(path, root, key, what);
  try {
    let at = start;
    // Ends: each round reads further, and nothing read is the end.
    while (at < end) {
      const part = Buffer.allocUnsafe(Math.min(mostPartBytes, end - at));
      const { bytesRead } = await told(what, () => file.read(part, 0, part.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield part.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openToRead(path: string, root: string, key: string, what: string): Promise<FileHandle> {
  return told(what, async () => {
    try {
      return await open(join(root, key), 'r');
    } catch (thrown) {
      if (isAbsent(thrown)) throw new StoreError(`There is no blob ${key} in ${path}.`, thrown);
      throw thrown;
    }
  });
}

/** A new folder is there after a power cut only if the one that holds it was flushed. */
async function makeFolder(root: string, folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at !== root && at !== dirname(first); at = dirname(at))
    await flushFolder(dirname(at));
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeStrays(root: string, nowMs: number): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await isStray(file, nowMs))) await rm(file, { force: true });
  }
}

async function isStray(file: string, nowMs: number): Promise<boolean> {
  const owner = hiddenPattern.exec(basename(file))?.groups;
  if (owner === undefined || writing.has(file)) return false;
  if (owner['host'] === host) return !isOtherAlive(Number(owner['pid']));
  try {
    return (await stat(file)).mtimeMs < nowMs - strayAfterMs;
  } catch (thrown) {
    // Its writer has just finished.
    if (isAbsent(thrown)) return false;
    throw thrown;
  }
}

function isOtherAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // It lives, and is another user's.
    return codeOf(thrown) === 'EPERM';
  }
}

/** Runs it; what the file system refuses becomes an error for the user. */
async function told<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    if (thrown instanceof StoreError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new StoreError(`${what}: ${reason}.`, thrown);
  }
}

function isAbsent(thrown: unknown): boolean {
  return codeOf(thrown) === 'ENOENT';
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}

/** What is a file system's own; what all blobs do is in `stores/blobs.test.ts`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Blobs } from '../contract.ts';
import { StoreError } from '../store-error.ts';
import { openDiskBlobs } from './blobs.ts';

const folder = mkdtempSync(join(tmpdir(), 'intermodal-blobs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let folders = 0;
const fresh = (): string => join(folder, `deep-${folders}`, `blobs-${folders++}`);

async function* parts(...texts: readonly string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function text(blobs: Blobs, key: string, start?: number, end?: number): Promise<string> {
  const read: Uint8Array[] = [];
  for await (const part of blobs.read(key, start, end)) read.push(part);
  return Buffer.concat(read).toString();
}

const filesIn = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();

const says =
  (pattern: RegExp) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof StoreError, String(thrown));
    assert.match(thrown.message, pattern);
    return true;
  };

describe('blobs on disk', () => {
  test('replace those of the same name, also while that is read', async () => {
    const blobs = await openDiskBlobs(fresh());
    await blobs.write('a', parts('old'));
    const reading = blobs.read('a', 0, 3)[Symbol.asyncIterator]();
    await blobs.write('b', parts('other'));
    const first = await reading.next();
    await blobs.write('a', parts('newer'));
    assert.equal(Buffer.from(first.value ?? []).toString(), 'old');
    assert.equal((await reading.next()).done, true);
    assert.equal(await text(blobs, 'a'), 'newer');
  });

  test('that cannot be finished are not there, and what was there stays', async () => {
    const path = fresh();
    const blobs = await openDiskBlobs(path);
    await blobs.write('a', parts('old'));
    const fault = new Error('The client went away.');
    const broken = async function* (): AsyncIterable<Uint8Array> {
      yield Buffer.from('half');
      assert.equal(await text(blobs, 'a'), 'old');
      throw fault;
    };
    for (const key of ['a', 'x/b']) {
      await assert.rejects(blobs.write(key, broken()), (thrown) => thrown === fault);
    }
    assert.equal(await text(blobs, 'a'), 'old');
    assert.deepEqual(filesIn(path), ['a']);
  });

  test('have names that lead nowhere else', async () => {
    const path = fresh();
    const blobs = await openDiskBlobs(path);
    writeFileSync(join(path, '..', 'secret'), 'secret');
    const wrong = [
      '../secret',
      'a/../../secret',
      '/etc/passwd',
      '..',
      '.',
      '',
      'a//b',
      'a/',
      '.hidden',
      'A',
      'a b',
      'a\\b',
      'a\0',
      'a/.',
      'é',
      'x'.repeat(151),
    ];
    for (const key of wrong) {
      await assert.rejects(text(blobs, key), says(/cannot name a blob/), key);
      await assert.rejects(blobs.write(key, parts('x')), says(/cannot name a blob/), key);
      await assert.rejects(blobs.remove(key), says(/cannot name a blob/), key);
    }
    assert.equal(readFileSync(join(path, '..', 'secret'), 'utf8'), 'secret');
    assert.deepEqual(filesIn(path), []);
  });

  test('say what the file system refused', async () => {
    const blobs = await openDiskBlobs(fresh());
    await blobs.write('a', parts('x'));
    await blobs.write('f/b', parts('x'));
    await assert.rejects(blobs.write('a/b', parts('x')), says(/^The blob a\/b cannot be written in .*E/));
    await assert.rejects(blobs.write('f', parts('x')), says(/^The blob f cannot be written in .*E/));
    await assert.rejects(text(blobs, 'f'), says(/^The blob f cannot be read in .*EISDIR/));
  });

  test('written side by side under one name are one of them, whole', async () => {
    const path = fresh();
    const blobs = await openDiskBlobs(path);
    const texts = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(10_000));
    await Promise.all(texts.map((one) => blobs.write('a/b/c', parts(one.slice(0, 5), one.slice(5)))));
    assert.ok(texts.includes(await text(blobs, 'a/b/c')));
    assert.deepEqual(filesIn(path), ['c']);
  });
});

describe('a folder of blobs that is opened again', () => {
  const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, '-');
  const name = (whose: string, pid: number): string => `.${whose}.${pid}.${randomUUID()}.part`;
  const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

  test('has no leftovers of writes that were broken off, and all that was kept', async () => {
    const path = fresh();
    const blobs = await openDiskBlobs(path);
    await blobs.write('x/kept.part', parts('kept'));
    const [dead, earlier, foreign] = [name(host, deadPid()), name(host, process.pid), name('other-host', 1)];
    for (const file of [dead, earlier, foreign]) writeFileSync(join(path, 'x', file), 'half');
    const long = new Date(0);
    utimesSync(join(path, 'x', foreign), long, long);
    await openDiskBlobs(path);
    assert.deepEqual(filesIn(path), ['kept.part']);
  });

  test('leaves what others are writing', async () => {
    const path = fresh();
    const blobs = await openDiskBlobs(path);
    const kept = [name(host, process.ppid), name('other-host', 1), '.gitkeep'];
    mkdirSync(join(path, 'x'));
    for (const file of kept) writeFileSync(join(path, 'x', file), 'half');
    const slow = async function* (): AsyncIterable<Uint8Array> {
      yield Buffer.from('a');
      await openDiskBlobs(path);
      yield Buffer.from('b');
    };
    await blobs.write('x/mine', slow());
    assert.equal(await text(blobs, 'x/mine'), 'ab');
    assert.deepEqual(filesIn(path), [...kept, 'mine'].sort());
  });
});

/** One suite for every kind of blobs; and their addresses. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { minioMissing, startMinio, type TestMinio } from '../../test/support/minio.ts';
import { type Simulator, startSimulator } from '../simulator/server.ts';
import { openBlobs } from './blobs.ts';
import type { Blobs } from './contract.ts';
import { openDiskBlobs } from './disk/blobs.ts';
import { openS3Blobs } from './s3/blobs.ts';
import { StoreError } from './store-error.ts';

interface Kind {
  readonly name: string;
  /** Why it cannot be tested here. */
  readonly skip?: string | false;
  /** A fresh place each time, and how it is taken away. */
  open(): Promise<{ readonly blobs: Blobs; close(): Promise<void> }>;
}

const keys = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' });

const kinds: readonly Kind[] = [
  {
    name: 'disk',
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'intermodal-blobs-'));
      return {
        blobs: await openDiskBlobs(join(folder, 'deep', 'blobs')),
        close: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  },
  {
    name: 'S3',
    async open() {
      const simulator = await startSimulator();
      const address = `s3://acme/blobs?region=eu-west-1&endpoint=${simulator.url}&path_style=true`;
      return { blobs: openS3Blobs(address, keys), close: () => simulator.close() };
    },
  },
  {
    name: 'MinIO',
    skip: minioMissing,
    async open() {
      const minio = await startMinio();
      await minio.makeBucket('acme');
      const address = `s3://acme/blobs?region=us-east-1&endpoint=${minio.url}&path_style=true`;
      return { blobs: openS3Blobs(address, async () => minio.keys), close: () => minio.close() };
    },
  },
];

async function* parts(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

const mega = 1024 * 1024;

for (const kind of kinds)
  describe(`blobs on ${kind.name}`, { skip: kind.skip ?? false }, () => {
    let blobs: Blobs;
    let close: () => Promise<void>;
    before(async () => {
      ({ blobs, close } = await kind.open());
    });
    after(() => close());

    const isMissing = (thrown: unknown): boolean =>
      thrown instanceof StoreError && /^There is no blob \S+ in /.test(thrown.message);

    test('come back as they were written', async () => {
      assert.deepEqual(await blobs.write('inputs/file-1.jsonl', parts('ab', '', 'cd')), { bytes: 4 });
      assert.equal(await read(blobs.read('inputs/file-1.jsonl')), 'abcd');
    });

    test('of nothing are there all the same', async () => {
      assert.deepEqual(await blobs.write('empty', parts()), { bytes: 0 });
      assert.equal(await read(blobs.read('empty')), '');
    });

    test('are replaced by one of the same name', async () => {
      await blobs.write('same', parts('the first, and longer'));
      await blobs.write('same', parts('the second'));
      assert.equal(await read(blobs.read('same')), 'the second');
    });

    const ranges: readonly (readonly [number | undefined, number | undefined, string])[] = [
      [undefined, undefined, '0123456789'],
      [0, 10, '0123456789'],
      [2, 5, '234'],
      [9, undefined, '9'],
      [7, 99, '789'],
      [10, undefined, ''],
      [100, undefined, ''],
      [3, 3, ''],
    ];
    for (const [start, end, expected] of ranges)
      test(`are read from ${start ?? 'the start'} to before ${end ?? 'the end'}`, async () => {
        await blobs.write('digits', parts('0123456789'));
        assert.equal(await read(blobs.read('digits', start, end)), expected);
      });

    test('that are large are written from parts of any size, and read in parts of at most 1 MB', async () => {
      async function* large(): AsyncGenerator<Uint8Array> {
        for (let index = 0; index < 10; index++) yield Buffer.alloc(2.5 * mega, index);
        yield Buffer.from('end');
      }
      assert.deepEqual(await blobs.write('large', large()), { bytes: 25 * mega + 3 });
      let at = 0;
      for await (const part of blobs.read('large')) {
        assert.ok(part.length <= mega, `a part of ${part.length} bytes`);
        if (at < 25 * mega) assert.equal(part[0], Math.floor(at / (2.5 * mega)));
        at += part.length;
      }
      assert.equal(at, 25 * mega + 3);
      assert.equal(await read(blobs.read('large', 25 * mega - 1)), '\tend');
    });

    test('whose source breaks are not there, and it is the source’s error that is told', async () => {
      const fault = new Error('the source broke');
      for (const bytes of [3, 9 * mega]) {
        async function* broken(): AsyncGenerator<Uint8Array> {
          yield Buffer.alloc(bytes);
          throw fault;
        }
        await assert.rejects(blobs.write('broken', broken()), (thrown) => thrown === fault);
        await assert.rejects(read(blobs.read('broken')), isMissing);
      }
    });

    test('whose source breaks leave what was there before', async () => {
      await blobs.write('kept', parts('before'));
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('after');
        throw new Error('the source broke');
      }
      await assert.rejects(blobs.write('kept', broken()), /the source broke/);
      assert.equal(await read(blobs.read('kept')), 'before');
    });

    test('that are not there are an error, whatever is asked of them', async () => {
      await assert.rejects(read(blobs.read('never')), isMissing);
      await assert.rejects(read(blobs.read('never', 3, 5)), isMissing);
      await assert.rejects(read(blobs.read('never', 3, 3)), isMissing);
    });

    test('are removed, and may be removed again', async () => {
      await blobs.write('removed/one', parts('x'));
      await blobs.remove('removed/one');
      await blobs.remove('removed/one');
      await assert.rejects(read(blobs.read('removed/one')), isMissing);
    });

    test('are read by many at once, each from where it is', async () => {
      await blobs.write('shared', parts('0123456789'.repeat(50_000)));
      const all = await Promise.all(
        Array.from({ length: 12 }, (_, index) => read(blobs.read('shared', index, index + 400_000))),
      );
      for (const [index, text] of all.entries()) {
        assert.equal(text.length, 400_000);
        assert.ok(text.startsWith(String(index % 10)));
      }
    });

    test('have names that lead nowhere else', async () => {
      const wrong = [
        '../a',
        'a/../../b',
        '/a',
        '..',
        '',
        'a//b',
        'a/',
        '.a',
        'A',
        'a b',
        'é',
        'x'.repeat(151),
      ];
      const refused = (thrown: unknown): boolean =>
        thrown instanceof StoreError && /cannot name a blob/.test(thrown.message);
      for (const key of wrong) {
        await assert.rejects(read(blobs.read(key)), refused, key);
        await assert.rejects(blobs.write(key, parts('x')), refused, key);
        await assert.rejects(blobs.remove(key), refused, key);
      }
    });

    test('may be left half read', async () => {
      await blobs.write('left', parts(Buffer.alloc(5 * mega)));
      for await (const _part of blobs.read('left')) break;
      assert.equal((await read(blobs.read('left', 0, 3))).length, 3);
    });
  });

describe('blobs in S3', () => {
  let simulator: Simulator;
  before(async () => {
    simulator = await startSimulator();
  });
  after(() => simulator.close());

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['s3://', /"s3:\/\/" is no address of a bucket; write s3:\/\/bucket/],
    ['s3://KEY:SECRET@acme', /^"s3:\/\/…@acme" is no address of a bucket.*without keys in it/],
    ['s3://acme?zone=1', /has no "zone"/],
    ['s3://acme?endpoint=localhost', /endpoint of s3:\/\/acme must be an http or https URL/],
    ['s3://acme?endpoint=https://me:pass@host', /without a user/],
    ['s3://acme?path_style=yes', /path_style of s3:\/\/acme is "yes"/],
  ];
  for (const [address, message] of wrong)
    test(`say what is wrong with ${address}`, () => {
      assert.throws(
        () => openS3Blobs(address, keys),
        (thrown) => thrown instanceof StoreError && message.test(thrown.message),
      );
    });

  test('show where they are', () => {
    assert.equal(openS3Blobs('s3://acme/a/b/?region=eu-west-1', keys).shown, 's3://acme/a/b');
    assert.equal(openS3Blobs('s3://acme?region=eu-west-1', keys).shown, 's3://acme');
  });

  test('say that the bucket does not exist', async () => {
    const { url } = simulator;
    const blobs = openS3Blobs(`s3://no-such-one?region=r&endpoint=${url}&path_style=true`, keys);
    await assert.rejects(
      blobs.write('x', parts('x')),
      (thrown) =>
        thrown instanceof StoreError &&
        thrown.message === 'The blob x cannot be written in s3://no-such-one: the bucket does not exist.',
    );
  });

  test('say that nobody answers', async () => {
    const blobs = openS3Blobs('s3://acme?region=r&endpoint=http://127.0.0.1:9&path_style=true', keys);
    await assert.rejects(
      read(blobs.read('x')),
      (thrown) => thrown instanceof StoreError && /S3 could not be reached/.test(thrown.message),
    );
  });

  test('say that the credentials are refused', async () => {
    simulator.setFaults({ faults: [{ provider: 's3', kind: 'auth' }] });
    const blobs = openS3Blobs(`s3://acme?region=r&endpoint=${simulator.url}/~s3&path_style=true`, keys);
    await assert.rejects(
      blobs.remove('x'),
      (thrown) => thrown instanceof StoreError && /S3 refuses our credentials/.test(thrown.message),
    );
    simulator.setFaults({});
  });
});

describe('blobs in a real store', { skip: minioMissing }, () => {
  let minio: TestMinio;
  before(async () => {
    minio = await startMinio();
    await minio.makeBucket('acme');
  });
  after(() => minio.close());

  const open = (bucket: string, changes: Partial<TestMinio['keys']> = {}, region = 'us-east-1'): Blobs =>
    openS3Blobs(`s3://${bucket}?region=${region}&endpoint=${minio.url}&path_style=true`, async () => ({
      ...minio.keys,
      ...changes,
    }));
  const whatever = [
    ['a write', (blobs: Blobs) => blobs.write('x', parts('x'))],
    ['a large write', (blobs: Blobs) => blobs.write('x', parts(Buffer.alloc(9 * mega), 'x'))],
    ['a read', (blobs: Blobs) => read(blobs.read('x'))],
    ['a removal', (blobs: Blobs) => blobs.remove('x')],
  ] as const;

  for (const [what, ask] of whatever) {
    test(`${what} by keys that it does not know says so, and shows none`, async () => {
      for (const changes of [{ secretAccessKey: 'another-secret' }, { accessKeyId: 'somebody-else' }])
        await assert.rejects(ask(open('acme', changes)), (thrown) => {
          assert.ok(thrown instanceof StoreError);
          assert.match(thrown.message, /S3 refuses our credentials/);
          assert.doesNotMatch(`${thrown.message} ${thrown.stack}`, /another-secret|secret-of-a-test/);
          return true;
        });
    });

    test(`${what} in a bucket that is not there says so`, async () => {
      await assert.rejects(
        ask(open('no-such-one')),
        (thrown) => thrown instanceof StoreError && /the bucket does not exist\.$/.test(thrown.message),
      );
    });
  }
});

describe('the address of a place for blobs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-blobs-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const says =
    (pattern: RegExp) =>
    (thrown: unknown): boolean =>
      thrown instanceof StoreError && pattern.test(thrown.message);

  test('may be a bucket', async () => {
    assert.equal((await openBlobs('s3://acme/intermodal?region=eu-west-1')).shown, 's3://acme/intermodal');
    await assert.rejects(openBlobs('s3://acme?zone=1'), says(/has no "zone"/));
  });

  test('may be a path, file: and a path, or a file URL; folders are made', async () => {
    const path = join(folder, 'deep', 'blobs');
    for (const url of [path, `file:${path}`, `file://${path}`]) {
      const blobs = await openBlobs(url);
      assert.ok(existsSync(path));
      assert.equal(blobs.shown, path);
    }
  });

  test('of no kind that there is says which there are, and shows no secret', async () => {
    const message =
      /^There is no place for blobs of the kind "ftp:\/\/"\. Write the path of a folder, file:PATH, or s3:\/\/bucket\/prefix\.$/;
    await assert.rejects(openBlobs('ftp://me:hunter2@host/x'), says(message));
    await assert.rejects(openBlobs(''), says(/has no path/));
    await assert.rejects(
      openBlobs('file://elsewhere/x'),
      says(/not the address of a folder on this machine/),
    );
  });

  test('that cannot be a folder says so', async () => {
    const file = join(folder, 'file.txt');
    writeFileSync(file, 'text');
    await assert.rejects(openBlobs(file), says(/^The folder for blobs .*file\.txt cannot be used: /));
    await assert.rejects(openBlobs(join(file, 'x')), says(/cannot be used: /));
  });
});

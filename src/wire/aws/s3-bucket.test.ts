import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { readAwsFailure } from './failure.ts';
import { readS3Address } from './s3-address.ts';
import { type AwsKeys, type Bucket, openBucket } from './s3-bucket.ts';
import { partBytes } from './s3-upload.ts';

const keys: AwsKeys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

function bucketAt(endpoint: string, name = 'acme'): Bucket {
  return openBucket({ bucket: name, region: 'us-east-1', endpoint, pathStyle: true, keys: async () => keys });
}

async function* parts(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Bytes that are nowhere alike, so that a part in the wrong place shows. */
function pattern(bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE((at * 2654435761) % 4294967296, at);
  return buffer;
}

describe('objects in a bucket', () => {
  let simulator: Simulator;
  let bucket: Bucket;
  before(async () => {
    simulator = await startSimulator();
    bucket = bucketAt(simulator.url);
  });
  after(() => simulator.close());

  const openUploads = async (): Promise<number> => {
    const client = new S3Client({
      region: 'us-east-1',
      endpoint: simulator.url,
      forcePathStyle: true,
      credentials: keys,
    });
    return (await client.send(new ListMultipartUploadsCommand({ Bucket: 'acme' }))).Uploads?.length ?? 0;
  };

  test('come back as they were put', async () => {
    assert.deepEqual(await bucket.put('one/two.txt', parts('ab', 'c')), { bytes: 3 });
    assert.equal((await read(bucket.get('one/two.txt'))).toString(), 'abc');
    await bucket.put('one/two.txt', parts('other'));
    assert.equal((await read(bucket.get('one/two.txt'))).toString(), 'other');
  });

  test('may be empty', async () => {
    assert.deepEqual(await bucket.put('empty', parts()), { bytes: 0 });
    assert.equal((await read(bucket.get('empty'))).length, 0);
  });

  test('may have names that a path has to escape', async () => {
    const name = 'a b/ü+&<c>%2f.txt';
    await bucket.put(name, parts('x'));
    assert.equal((await read(bucket.get(name))).toString(), 'x');
    const listed: string[] = [];
    for await (const { key } of bucket.list('a b/')) listed.push(key);
    assert.deepEqual(listed, [name]);
    await bucket.remove([name]);
    await assert.rejects(read(bucket.get(name)), (thrown) => readAwsFailure(thrown).name === 'NoSuchKey');
  });

  const ranges: readonly (readonly [number | undefined, number | undefined, string])[] = [
    [0, undefined, '0123456789'],
    [3, undefined, '3456789'],
    [3, 7, '3456'],
    [0, 1, '0'],
    [8, 99, '89'],
    [10, undefined, ''],
    [50, 60, ''],
    [4, 4, ''],
  ];
  for (const [start, end, expected] of ranges)
    test(`are read from ${start} to before ${end ?? 'the end'}`, async () => {
      await bucket.put('digits', parts('0123456789'));
      assert.equal((await read(bucket.get('digits', start, end))).toString(), expected);
    });

  for (const extra of [-1, 0, 1, partBytes])
    test(`of one part and ${extra} bytes arrive whole`, async () => {
      const bytes = pattern(partBytes + extra);
      const cut = [bytes.subarray(0, 5), bytes.subarray(5, 3_000_001), bytes.subarray(3_000_001)];
      assert.deepEqual(await bucket.put('large', parts(...cut)), { bytes: bytes.length });
      const back = await read(bucket.get('large'));
      assert.ok(back.equals(bytes));
      assert.equal(await openUploads(), 0);
    });

  test('whose source breaks are not there, and leave no parts', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield pattern(partBytes + 10);
      throw new Error('the source broke');
    }
    await assert.rejects(bucket.put('broken', broken()), /the source broke/);
    await assert.rejects(read(bucket.get('broken')), (thrown) => readAwsFailure(thrown).name === 'NoSuchKey');
    assert.equal(await openUploads(), 0);
  });

  test('are listed and removed by the thousand', async () => {
    const names = Array.from({ length: 1005 }, (_, index) => `many/${String(index).padStart(5, '0')}`);
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(names.slice(at, at + 50).map((name) => bucket.put(name, parts('x'))));
    const listed: string[] = [];
    for await (const { key, bytes } of bucket.list('many/')) {
      assert.equal(bytes, 1);
      listed.push(key);
    }
    assert.deepEqual(listed, names);
    await bucket.remove(names);
    await bucket.remove(['many/never-there']);
    for await (const { key } of bucket.list('many/')) assert.fail(key);
  });

  test('of a bucket that is not there are a fault with its name', async () => {
    await assert.rejects(bucketAt(simulator.url, 'no-such-bucket').put('x', parts('x')), (thrown) => {
      const { name, status } = readAwsFailure(thrown);
      return name === 'NoSuchBucket' && status === 404;
    });
  });

  test('keys are asked for again with every request, since they may have been renewed', async () => {
    let asked = 0;
    const renewing = openBucket({
      bucket: 'acme',
      region: 'us-east-1',
      endpoint: simulator.url,
      pathStyle: true,
      keys: async () => ({ ...keys, accessKeyId: `AKID${++asked}` }),
    });
    await renewing.put('k', parts('1'));
    await renewing.put('k', parts('2'));
    assert.ok(asked >= 2, `asked ${asked} times`);
  });
});

test('objects are encrypted with the key that is named, in one part and in many', async () => {
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const path = url?.replace(/\?.*/, '');
    const key = headers['x-amz-server-side-encryption-aws-kms-key-id'];
    seen.push(`${method} ${path} ${headers['x-amz-server-side-encryption']} ${key}`);
    incoming.resume().on('end', () => {
      outgoing.writeHead(200, { etag: '"e"' });
      outgoing.end(
        method === 'POST'
          ? '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'
          : '',
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Listening on TCP, an address is never a pipe's name.
  const { port } = server.address() as AddressInfo;
  const bucket = openBucket({
    bucket: 'acme',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    pathStyle: true,
    keys: async () => keys,
    encryptionKey: 'key-1',
  });
  await bucket.put('small', parts('x'));
  await bucket.put('large', parts(pattern(partBytes)));
  server.close();
  server.closeAllConnections();
  assert.equal(seen[0], 'PUT /acme/small aws:kms key-1');
  assert.equal(seen[1], 'POST /acme/large aws:kms key-1');
});

/** Passes on to the simulator; every answer to a GET is cut after so many bytes of its body. */
async function cutter(
  target: string,
  afterBytes: number,
): Promise<{ url: string; server: Server; gets: string[] }> {
  const gets: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url } = incoming;
    if (method === 'GET') gets.push(headers.range ?? 'all');
    const passed = request(`${target}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      let sent = 0;
      answer.on('data', (chunk: Buffer) => {
        if (method !== 'GET' || sent + chunk.length <= afterBytes) {
          sent += chunk.length;
          outgoing.write(chunk);
          return;
        }
        outgoing.write(chunk.subarray(0, afterBytes - sent), () => outgoing.destroy());
        answer.destroy();
      });
      answer.on('end', () => outgoing.end());
      answer.on('error', () => undefined);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Listening on TCP, an address is never a pipe's name.
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, server, gets };
}

describe('a download that breaks', () => {
  test('goes on where it broke', async () => {
    const simulator = await startSimulator();
    const { url, server, gets } = await cutter(simulator.url, 400_000);
    try {
      const bytes = pattern(1_000_000);
      await bucketAt(simulator.url).put('cut', parts(bytes));
      const back = await read(bucketAt(url).get('cut', 4));
      const digest = (one: Buffer): string => createHash('sha256').update(one).digest('hex');
      assert.equal(digest(back), digest(bytes.subarray(4)));
      assert.equal(gets.length, 3);
      assert.equal(gets[0], 'bytes=4-');
      assert.match(gets[2] ?? '', /^bytes=[1-9]\d{5}-999999$/);
    } finally {
      server.close();
      await simulator.close();
    }
  });

  test('is given up when nothing more comes', async () => {
    const simulator = await startSimulator();
    const { url, server, gets } = await cutter(simulator.url, 0);
    try {
      await bucketAt(simulator.url).put('cut', parts(pattern(100_000)));
      await assert.rejects(read(bucketAt(url).get('cut')));
      assert.equal(gets.length, 4);
    } finally {
      server.close();
      await simulator.close();
    }
  });
});

test('addresses of buckets are read, and nothing else is one', () => {
  assert.deepEqual(readS3Address('s3://acme-batch'), { bucket: 'acme-batch', prefix: '' });
  assert.deepEqual(readS3Address('s3://acme-batch/'), { bucket: 'acme-batch', prefix: '' });
  assert.deepEqual(readS3Address('s3://acme/a/b/'), { bucket: 'acme', prefix: 'a/b/' });
  for (const text of [
    'acme',
    's3:/acme',
    's3://A',
    's3://acme?x=1',
    'gs://acme',
    's3://Acme-Batch/x',
    's3://acme/a//b',
    's3://acme/a b',
  ])
    assert.equal(readS3Address(text), undefined, text);
});

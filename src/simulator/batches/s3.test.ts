import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type Simulator, startSimulator } from '../server.ts';

const authorization =
  'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';
const Bucket = 'acme';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('the stand-in for S3', () => {
  let simulator: Simulator;
  /** All its settings are the defaults, but for the address. */
  let client: S3Client;
  before(async () => {
    simulator = await startSimulator();
    client = new S3Client({
      region: 'eu-west-1',
      endpoint: `${simulator.url}/~s3`,
      forcePathStyle: true,
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    });
  });
  after(async () => {
    client.destroy();
    await simulator.close();
  });

  const get = async (Key: string, Range?: string): Promise<string> =>
    (await (await client.send(new GetObjectCommand({ Bucket, Key, Range }))).Body?.transformToString()) ?? '';

  function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body: string | Buffer = '',
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        `${simulator.url}${path}`,
        { method, headers: { authorization, ...headers }, agent: false },
        (answer) => {
          const pieces: Buffer[] = [];
          answer.on('data', (piece: Buffer) => pieces.push(piece));
          answer.on('end', () =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              body: Buffer.concat(pieces).toString(),
            }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  test('takes the frames off what the client streams', async () => {
    const bytes = Buffer.from('0123456789'.repeat(50_000));
    const pieces = [bytes.subarray(0, 10), bytes.subarray(10, 70_001), bytes.subarray(70_001)];
    await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'streamed',
        Body: Readable.from(pieces),
        ContentLength: bytes.length,
      }),
    );
    const back = await get('streamed');
    assert.equal(back.length, bytes.length);
    assert.equal(back, bytes.toString());
    const { ETag, ContentLength } = await client.send(new HeadObjectCommand({ Bucket, Key: 'streamed' }));
    assert.equal(ETag, `"${createHash('md5').update(bytes).digest('hex')}"`);
    assert.equal(ContentLength, bytes.length);
    assert.equal(await get('streamed', 'bytes=8-11'), '8901');
    assert.equal(await get('streamed', 'bytes=-3'), '789');
  });

  test('finds the frames wherever the network cuts them', async () => {
    const framed = Buffer.from(
      '5;chunk-signature=abc\r\nab\r\nc\r\n6\r\ndefghi\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n',
    );
    const wrong = await send(
      'PUT',
      '/acme/cut',
      { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
      framed,
    );
    assert.equal(wrong.status, 400);
    assert.match(wrong.body, /<Code>BadDigest</);
    for (let size = 1; size < 9; size++) {
      const sent = await new Promise<number>((resolve, reject) => {
        const outgoing = request(
          `${simulator.url}/acme/cut`,
          {
            method: 'PUT',
            agent: false,
            headers: { authorization, 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
          },
          (answer) => resolve(answer.resume().statusCode ?? 0),
        );
        outgoing.on('error', reject);
        const whole = framed.toString().replace(/x-amz-.*\r\n/, '');
        const cut = whole.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
        const next = (at: number): void => {
          if (at < cut.length) outgoing.write(cut[at] ?? '', () => setImmediate(next, at + 1));
          else outgoing.end();
        };
        next(0);
      });
      assert.equal(sent, 200, `in pieces of ${size}`);
      assert.equal(await get('cut'), 'ab\r\ncdefghi');
    }
  });

  const broken: readonly (readonly [string, Readonly<Record<string, string>>, string, string])[] = [
    ['a sum that does not hold', { 'x-amz-checksum-crc32': 'AAAAAA==' }, 'abc', 'BadDigest'],
    [
      'a length that does not hold',
      { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-decoded-content-length': '4' },
      '3\r\nabc\r\n0\r\n\r\n',
      'IncompleteBody',
    ],
    [
      'no last chunk',
      { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
      '3\r\nabc\r\n',
      'IncompleteBody',
    ],
    [
      'no frames',
      { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
      'hello\r\n',
      'InvalidChunkSizeError',
    ],
  ];
  for (const [name, headers, body, code] of broken)
    test(`refuses an upload with ${name}, and keeps nothing of it`, async () => {
      const { status, body: told } = await send('PUT', '/acme/refused', headers, body);
      assert.equal(status, 400);
      assert.match(told, new RegExp(`<Code>${code}</Code>`));
      await assert.rejects(get('refused'), { name: 'NoSuchKey' });
    });

  test('finds the bucket in the host’s name too', async () => {
    const { port } = simulator;
    for (const host of [`acme.s3.eu-west-1.amazonaws.com`, `acme.localhost:${port}`]) {
      assert.equal((await send('PUT', '/by/host', { host }, host)).status, 200);
      assert.equal(await get('by/host'), host);
    }
  });

  test('lists in pages, by prefix and by folder', async () => {
    for (const Key of ['list/a', 'list/b/1', 'list/b/2', 'list/c', 'other'])
      await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    const keys: (string | undefined)[] = [];
    let token: string | undefined;
    let pages = 0;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix: 'list/', MaxKeys: 2, ContinuationToken: token }),
      );
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key));
      token = page.NextContinuationToken;
      pages += 1;
    } while (token !== undefined && pages < 9);
    assert.deepEqual(keys, ['list/a', 'list/b/1', 'list/b/2', 'list/c']);
    assert.equal(pages, 2);
    const folders = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/', Delimiter: '/' }));
    assert.deepEqual(
      folders.Contents?.map(({ Key }) => Key),
      ['list/a', 'list/c'],
    );
    assert.deepEqual(folders.CommonPrefixes, [{ Prefix: 'list/b/' }]);
  });

  test('deletes one, there or not', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'gone', Body: 'x' }));
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
    await assert.rejects(client.send(new HeadObjectCommand({ Bucket, Key: 'gone' })), { name: 'NotFound' });
  });

  test('joins the parts that are named, and refuses those that are none', async () => {
    const Key = 'joined';
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const small = await client.send(
      new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: Buffer.from('small') }),
    );
    const large = await client.send(
      new UploadPartCommand({
        Bucket,
        Key,
        UploadId,
        PartNumber: 2,
        Body: Buffer.alloc(5 * 1024 * 1024, 'l'),
      }),
    );
    const complete = (...Parts: { PartNumber: number; ETag?: string | undefined }[]) =>
      client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
    const first = { PartNumber: 1, ETag: small.ETag };
    const second = { PartNumber: 2, ETag: large.ETag };
    await assert.rejects(complete(first, second), { name: 'EntityTooSmall' });
    await assert.rejects(complete(second, first), { name: 'InvalidPartOrder' });
    await assert.rejects(complete({ ...first, ETag: '"other"' }), { name: 'InvalidPart' });
    await assert.rejects(get(Key), { name: 'NoSuchKey' });
    assert.match((await complete(second)).ETag ?? '', /-1"$/);
    assert.equal((await get(Key)).length, 5 * 1024 * 1024);
    await assert.rejects(complete(second), { name: 'NoSuchUpload' });
  });

  test('says what it has not', async () => {
    assert.match((await send('POST', '/acme/x')).body, /<Code>NotImplemented</);
    assert.match((await send('GET', '/no-such-bucket/x')).body, /<Code>NoSuchBucket</);
    assert.equal((await send('GET', '/acme/streamed', { 'if-match': '"other"' })).status, 412);
    assert.equal((await send('GET', '/acme/streamed', { range: 'bytes=9999999-' })).status, 416);
  });
});

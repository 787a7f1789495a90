/** Google's own storage client against the simulator, unchanged: every kind of upload, downloads, lists, deletion. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Bucket, Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import { type Simulator, startSimulator } from '../server.ts';

class Token extends PassThroughClient {
  override async getRequestHeaders(): Promise<Headers> {
    return new Headers({ authorization: 'Bearer t' });
  }
}

describe('Cloud Storage', () => {
  let simulator: Simulator;
  let bucket: Bucket;

  before(async () => {
    simulator = await startSimulator();
    const storage = new Storage({
      projectId: 'acme',
      apiEndpoint: `${simulator.url}/~vertex`,
      useAuthWithCustomEndpoint: true,
      retryOptions: { autoRetry: false },
      authClient: new Token(),
    });
    bucket = storage.bucket('acme-batch');
  });
  after(() => simulator.close());

  const headers = { authorization: 'Bearer t' };
  const at = (path: string): string => `${simulator.url}/~vertex${path}`;

  for (const bytes of [0, 1, 100, 1_000_000])
    test(`an upload in one request brings ${bytes} bytes, whose checksum the client compares`, async () => {
      const content = randomBytes(bytes);
      const file = bucket.file(`one/${bytes}.bin`);
      await file.save(content, { resumable: false });
      const [read] = await file.download();
      assert.ok(read.equals(content));
      const [metadata] = await file.getMetadata();
      assert.equal(metadata.size, String(bytes));
    });

  test('bytes that look like the end of the upload are bytes', async () => {
    const content = Buffer.from('a\r\n--boundary--\r\n\r\n--x--\r\n');
    await bucket.file('one/ends').save(content, { resumable: false });
    assert.deepEqual((await bucket.file('one/ends').download())[0], content);
  });

  test('a client that takes no care of its checksum is found out', async () => {
    const file = bucket.file('one/spoiled');
    await file.save('what was written', { resumable: false });
    await fetch(at('/upload/storage/v1/b/acme-batch/o?uploadType=media&name=one/spoiled'), {
      method: 'POST',
      body: 'what was meant',
      headers,
    });
    const [metadata] = await file.getMetadata();
    const { CRC32C } = await import('@google-cloud/storage');
    const sum = new CRC32C();
    sum.update(Buffer.from('what was meant'));
    assert.equal(metadata.crc32c, sum.toString(), 'the sum is of what is there now');
  });

  test('a resumable upload goes in chunks, knows how far it is, and refuses a gap', async () => {
    const open = await fetch(
      at('/upload/storage/v1/b/acme-batch/o?uploadType=resumable&name=resumed/a b.bin'),
      {
        method: 'POST',
        body: '{}',
        headers: { ...headers, 'content-type': 'application/json' },
      },
    );
    const session = open.headers.get('location') ?? '';
    const send = (range: string, body: string | undefined) =>
      fetch(session, {
        method: 'PUT',
        headers: { ...headers, 'content-range': range },
        ...(body === undefined ? {} : { body }),
      });
    assert.equal((await send('bytes 0-4/*', 'abcde')).status, 308);
    const asked = await send('bytes */*', undefined);
    assert.deepEqual([asked.status, asked.headers.get('range')], [308, 'bytes=0-4']);
    assert.equal((await send('bytes 9-9/10', 'j')).status, 400);
    assert.equal((await send('bytes 5-9/10', 'fghij')).status, 200);
    const [read] = await bucket.file('resumed/a b.bin').download();
    assert.equal(read.toString(), 'abcdefghij');
    assert.equal((await send('bytes 0-0/1', 'z')).status, 404, 'the session is over');
  });

  test('the client reads a range, and is told where there is none', async () => {
    await bucket.file('ranges').save('0123456789', { resumable: false });
    const part = async (start: number, end?: number): Promise<string> => {
      const [bytes] = await bucket.file('ranges').download({ start, ...(end === undefined ? {} : { end }) });
      return bytes.toString();
    };
    assert.equal(await part(2, 4), '234');
    assert.equal(await part(7), '789');
    await assert.rejects(part(10), { code: 416 });
  });

  test('lists go by prefix and page, in order, and instances are apart', async () => {
    for (const name of ['c', 'a', 'b', 'd'])
      await bucket.file(`list/${name}`).save(name, { resumable: false });
    const page = async (more: object) => {
      const [files, next] = await bucket.getFiles({
        prefix: 'list/',
        autoPaginate: false,
        maxResults: 3,
        ...more,
      });
      return { names: files.map((file) => file.name), next };
    };
    const first = await page({});
    assert.deepEqual(first.names, ['list/a', 'list/b', 'list/c']);
    const second = await page({ ...first.next });
    assert.deepEqual(second, { names: ['list/d'], next: null });
    const other = `${simulator.url}/~other/storage/v1/b/acme-batch/o`;
    assert.deepEqual(await (await fetch(other, { headers })).json(), { kind: 'storage#objects', items: [] });
  });

  test('what is deleted is gone, and what is not there is a 404, as is a bucket', async () => {
    const file = bucket.file('gone');
    await file.save('x', { resumable: false });
    await file.delete();
    await assert.rejects(file.delete(), { code: 404 });
    await assert.rejects(file.download(), { code: 404 });
    await file.delete({ ignoreNotFound: true });
    const nowhere = bucket.storage.bucket('missing-bucket').file('x');
    await assert.rejects(nowhere.save('x', { resumable: false }), { code: 404 });
    assert.equal((await fetch(at('/storage/v1/b/acme-batch/o'))).status, 401, 'without authentication');
  });

  test('an upload that is cut leaves nothing', async () => {
    const abort = new AbortController();
    async function* half(): AsyncGenerator<Uint8Array, void, undefined> {
      yield Buffer.alloc(100_000);
      abort.abort();
      yield Buffer.alloc(100_000);
    }
    const sending = fetch(at('/upload/storage/v1/b/acme-batch/o?uploadType=media&name=cut'), {
      method: 'POST',
      headers,
      body: ReadableStream.from(half()),
      duplex: 'half',
      signal: abort.signal,
    });
    await assert.rejects(sending);
    await assert.rejects(bucket.file('cut').download(), { code: 404 });
  });
});

/** Files by the untouched official OpenAI SDK, against a gateway on a socket of its own, and forms that no SDK would send. */
import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type OpenAI from 'openai';
import type { TestDesk } from './support/batch-desk.ts';
import { type DeskGateway, startDeskGateway } from './support/desk-gateway.ts';
import type { TestGateway } from './support/gateway.ts';
import { endpoint, line, openaiAt, rejected, upload } from './support/openai-batches.ts';

let scene: DeskGateway;
let desk: TestDesk;
let gateway: TestGateway;
let key = '';
let client: OpenAI;
let other: OpenAI;
const folder = mkdtempSync(join(tmpdir(), 'intermodal-batch-'));

before(async () => {
  scene = await startDeskGateway();
  ({ desk, gateway, key } = scene);
  client = openaiAt(gateway.url, key);
  other = openaiAt(gateway.url, scene.otherKey);
});

after(async () => {
  await scene.close();
  rmSync(folder, { recursive: true });
});

describe('files by the OpenAI SDK', () => {
  test('a file goes up from a stream and comes down as it was', async () => {
    const path = join(folder, 'café "1".jsonl');
    const text = `${line('a')}\n${line('é🙂')}\n`;
    writeFileSync(path, text);
    const file = await client.files.create({
      file: createReadStream(path),
      purpose: 'batch',
      expires_after: { anchor: 'created_at', seconds: 7200 },
    });
    assert.match(file.id, /^file-/);
    assert.equal(file.filename, 'café "1".jsonl');
    assert.equal(file.bytes, Buffer.byteLength(text));
    assert.equal(file.expires_at, file.created_at + 7200, 'what comes after the file counts too');
    assert.equal(file.status, 'processed');
    assert.deepEqual(await client.files.retrieve(file.id), file);
    const content = await client.files.content(file.id);
    assert.equal(await content.text(), text);
    assert.match(
      content.headers.get('content-disposition') ?? '',
      /^attachment; filename="caf_ _1_.jsonl"; filename\*=UTF-8''caf%C3%A9%20%221%22.jsonl$/,
    );
    assert.deepEqual(await client.files.delete(file.id), { id: file.id, deleted: true, object: 'file' });
    await rejected(client.files.retrieve(file.id), 404, /There is no/);
    await rejected(client.files.content(file.id), 404, /There is no/);
  });

  test('a part of a file comes down', async () => {
    const file = await client.files.create({ file: await upload('0123456789'), purpose: 'batch' });
    const get = (range: string) =>
      fetch(`${gateway.url}/v1/files/${file.id}/content`, {
        headers: { authorization: `Bearer ${key}`, range },
      });
    for (const [range, text] of [
      ['bytes=2-4', '234'],
      ['bytes=7-', '789'],
      ['bytes=-3', '789'],
      ['bytes=5-100', '56789'],
      ['bytes=-100', '0123456789'],
    ] as const) {
      const answer = await get(range);
      assert.equal(answer.status, 206, range);
      assert.equal(await answer.text(), text, range);
      assert.equal(answer.headers.get('content-length'), String(text.length));
    }
    assert.equal((await get('bytes=2-4')).headers.get('content-range'), 'bytes 2-4/10');
    for (const range of ['lines=1-2', 'bytes=4-2', 'bytes=1-2,4-5', 'bytes=-'])
      assert.equal((await get(range)).status, 200, range);
    const beyond = await get('bytes=10-');
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers.get('content-range'), 'bytes */10');
    const head = await fetch(`${gateway.url}/v1/files/${file.id}/content`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${key}` },
    });
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, '10']);
  });

  test('files are listed by pages', async () => {
    for (let count = 0; count < 5; count++)
      await other.files.create({ file: await upload(`${count}`), purpose: 'batch' });
    const names: string[] = [];
    for await (const file of other.files.list({ limit: 2 })) names.push(file.id);
    assert.equal(names.length, 5);
    const rising = await other.files.list({ order: 'asc', purpose: 'batch' });
    assert.deepEqual(
      rising.data.map((file) => file.id),
      names.toReversed(),
    );
    assert.equal((await other.files.list({ purpose: 'batch_output' })).data.length, 0);
    await rejected(other.files.list({ limit: 0 }), 400, /"limit" must be a whole number from 1 to 10000/);
    await rejected(other.files.list({ after: 'file-nope' }), 404, /There is no/);
  });

  test('another key’s files are not there', async () => {
    const { id } = await client.files.create({ file: await upload('x'), purpose: 'batch' });
    await rejected(other.files.retrieve(id), 404, /There is no/);
    await rejected(other.files.content(id), 404, /There is no/);
    await rejected(other.files.delete(id), 404, /There is no/);
    await rejected(
      other.batches.create({ input_file_id: id, endpoint, completion_window: '24h' }),
      404,
      /There is no/,
    );
    assert.ok(!(await other.files.list()).data.some((file) => file.id === id));
  });
});

describe('forms that are wrong', () => {
  const part = (disposition: string, text: string): string =>
    `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${text}\r\n`;
  const purpose = part('name="purpose"', 'batch');
  const file = part('name="file"; filename="a.jsonl"', 'x');
  const seconds = (text: string): string => part('name="expires_after[seconds]"', text);
  const anchor = part('name="expires_after[anchor]"', 'created_at');
  const type = 'multipart/form-data; boundary=b';
  const table: readonly [string, string, string, number, RegExp, string | null][] = [
    ['no form', '{}', 'application/json', 400, /content-type is "application\/json"/, null],
    ['no boundary', '', 'multipart/form-data', 400, /names no boundary/, null],
    ['nothing', '', type, 400, /ends before its closing boundary/, null],
    ['no file', `${purpose}--b--`, type, 400, /"file" is missing/, 'file'],
    ['no part', '--b--', type, 400, /"purpose" is missing/, 'purpose'],
    [
      'a file that is none',
      `${purpose}${part('name="file"', 'x')}--b--`,
      type,
      400,
      /has no filename/,
      'file',
    ],
    ['two files', `${purpose}${file}${file}--b--`, type, 400, /more than one "file"/, 'file'],
    ['no purpose', `${file}--b--`, type, 400, /"purpose" is missing; it must be "batch"/, 'purpose'],
    [
      'another purpose, after the file',
      `${file}${part('name="purpose"', 'fine-tune')}--b--`,
      type,
      400,
      /"purpose" is "fine-tune"/,
      'purpose',
    ],
    [
      'another purpose, before it',
      `${part('name="purpose"', 'vision')}${file}--b--`,
      type,
      400,
      /"purpose" is "vision"/,
      'purpose',
    ],
    ['two purposes', `${purpose}${purpose}${file}--b--`, type, 400, /"purpose" twice/, 'purpose'],
    [
      'a long purpose',
      `${part('name="purpose"', 'x'.repeat(2000))}${file}--b--`,
      type,
      400,
      /over 1024 bytes/,
      'purpose',
    ],
    [
      'a field nobody knows',
      `${purpose}${part('name="x"', 'y')}${file}--b--`,
      type,
      400,
      /Unknown parameter: 'x'/,
      'x',
    ],
    [
      'no anchor',
      `${purpose}${seconds('7200')}${file}--b--`,
      type,
      400,
      /must be "created_at"/,
      'expires_after[anchor]',
    ],
    [
      'too short a life',
      `${purpose}${file}${anchor}${seconds('60')}--b--`,
      type,
      400,
      /from 3600 to 2592000, but it is 60/,
      'expires_after[seconds]',
    ],
    [
      'a life that is no number',
      `${purpose}${file}${anchor}${seconds('soon')}--b--`,
      type,
      400,
      /from 3600 to 2592000/,
      'expires_after[seconds]',
    ],
    ['no end', `${purpose}${file}`, type, 400, /ends before its closing boundary/, null],
    [
      'a long name',
      `${purpose}${part(`name="file"; filename="${'x'.repeat(300)}"`, 'x')}--b--`,
      type,
      400,
      /filename is over 255/,
      'file',
    ],
    [
      'too much',
      `${purpose}${part('name="file"; filename="a"', 'x'.repeat(2_000_000))}--b--`,
      type,
      413,
      /over 2000000 bytes/,
      null,
    ],
  ];
  for (const [what, body, contentType, status, message, param] of table)
    test(`with ${what} leave nothing behind`, async () => {
      const kept = desk.blobs.size;
      const answer = await fetch(`${gateway.url}/v1/files`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': contentType },
        body,
      });
      assert.equal(answer.status, status);
      const { error } = JSON.parse(await answer.text());
      assert.match(error.message, message);
      assert.equal(error.param, param);
      assert.equal(desk.blobs.size, kept);
    });

  test('with too much, of unknown length, are refused as they pass the limit, and the sender hears it', async () => {
    const kept = desk.blobs.size;
    const chunk = Buffer.alloc(100_000, 'x');
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent === 0)
          controller.enqueue(
            Buffer.from(`${purpose}--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`),
          );
        sent += chunk.length;
        if (sent > 4_000_000) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const answer = await fetch(`${gateway.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': type },
      body,
      duplex: 'half',
    });
    assert.equal(answer.status, 413);
    assert.equal(desk.blobs.size, kept);
  });

  test('a sender that hangs up leaves nothing behind', async () => {
    const kept = desk.blobs.size;
    const sender = httpRequest(`${gateway.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': type, 'content-length': 100_000 },
    });
    sender.on('error', () => {});
    sender.write(`${purpose}--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nxxxx`);
    const ended = new Promise((resolve) => sender.once('close', resolve));
    setTimeout(() => sender.destroy(), 50);
    await ended;
    const heard = () =>
      gateway.lines.some(({ fields }) => 'code' in fields && fields.code === 'client_closed');
    for (let tries = 0; tries < 100 && !heard(); tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(heard(), 'its end is written down');
    assert.equal(desk.blobs.size, kept);
    assert.deepEqual(gateway.complaints, []);
  });
});

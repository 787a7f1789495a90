/** Files and batches by the untouched official OpenAI SDK, against a gateway on a socket of its own. */
import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { batchFolders } from '../src/gateway/batches/registry.ts';
import { dialectFolders } from '../src/gateway/dialects/registry.ts';
import type { Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { createTestDesk, type TestDesk } from './support/batch-desk.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';

const dialects = dialectFolders.flatMap((folder) => folder.dialects);
const shapes = batchFolders.map((folder) => folder.shape(dialects));
const endpoint = '/v1/chat/completions';
const line = (id: string, url = endpoint): string =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url,
    body: { model: 'assistant', messages: [{ role: 'user', content: 'hi' }] },
  });

let desk: TestDesk;
let stores: Stores;
let gateway: TestGateway;
let key = '';
let client: OpenAI;
let other: OpenAI;
const folder = mkdtempSync(join(tmpdir(), 'intermodal-batch-'));

before(async () => {
  desk = createTestDesk({
    shapes,
    now: () => Date.now(),
    stub: (call, customId) =>
      customId.startsWith('dead')
        ? { code: 'upstream_overloaded', message: 'Nobody answered.', status: 503 }
        : customId.startsWith('open')
          ? undefined
          : call.encodeAnswer(call.answerOf(`answer to ${customId}`)),
  });
  stores = await openStores(':memory:');
  key = await addKey(stores, 'search', { team: 'web' });
  const otherKey = await addKey(stores, 'other');
  gateway = await startTestGateway({ desk, stores, maxUploadBytes: 2_000_000 });
  const make = (apiKey: string) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
  client = make(key);
  other = make(otherKey);
});

after(async () => {
  await gateway.close();
  desk.close();
  rmSync(folder, { recursive: true });
});

const upload = (text: string) => toFile(Buffer.from(text), 'input.jsonl');

async function submit(text: string, more: object = {}): Promise<OpenAI.Batch> {
  const file = await client.files.create({ file: await upload(text), purpose: 'batch' });
  return client.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', ...more });
}

async function rejected(promise: Promise<unknown>, status: number, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, message);
    assert.match(error.requestID ?? '', /^req_/);
    return true;
  });
}

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

describe('batches by the OpenAI SDK', () => {
  test('a batch goes its way', async () => {
    const text = `${line('a')}\n${line('dead')}\nnope\n${line('b', '/v1/embeddings')}\n`;
    const batch = await submit(text, {
      metadata: { project: 'p' },
      output_expires_after: { anchor: 'created_at', seconds: 3600 },
    });
    assert.match(batch.id, /^batch_/);
    assert.equal(batch.status, 'validating');
    assert.equal(batch.completion_window, '24h');
    assert.equal(batch.expires_at, batch.created_at + 86_400);
    assert.deepEqual(batch.metadata, { project: 'p' });
    assert.equal(batch.output_file_id, null);
    assert.equal(desk.created.at(-1)?.keepMs, 3_600_000);
    await desk.run(batch.id);
    const done = await client.batches.retrieve(batch.id);
    assert.equal(done.status, 'completed');
    assert.deepEqual(done.request_counts, { total: 4, completed: 1, failed: 3 });
    assert.equal(done.usage?.total_tokens, 30);
    assert.equal(done.completed_at, done.finalizing_at);
    assert.equal(done.failed_at, null);
    assert.deepEqual(done.errors, {
      object: 'list',
      data: [
        {
          code: 'invalid_json_line',
          message: 'The line is not valid JSON: expected "{" at byte 0.',
          param: null,
          line: 3,
        },
        {
          code: 'invalid_request',
          message: '"url" is "/v1/embeddings"; it must be "/v1/chat/completions", the endpoint of the batch.',
          param: 'url',
          line: 4,
        },
      ],
    });
    const output = await (await client.files.content(done.output_file_id ?? '')).text();
    const [first] = output
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one));
    assert.equal(first.custom_id, 'a');
    assert.equal(first.response.body.choices[0].message.content, 'answer to a');
    assert.equal(first.intermodal.mode, 'batch');
    const errors = await (await client.files.content(done.error_file_id ?? '')).text();
    const lines = errors
      .trimEnd()
      .split('\n')
      .map((one) => JSON.parse(one));
    assert.deepEqual(
      lines.map((one) => one.response.status_code),
      [503, 400, 400],
    );
    assert.equal((await client.files.retrieve(done.output_file_id ?? '')).purpose, 'batch_output');
  });

  test('a batch that runs out of time has both files', async () => {
    const batch = await submit(`${line('a')}\n${line('open')}`);
    await desk.run(batch.id, 'expired');
    const ended = await client.batches.retrieve(batch.id);
    assert.equal(ended.status, 'expired');
    assert.equal(ended.expired_at, ended.finalizing_at);
    const errors = await (await client.files.content(ended.error_file_id ?? '')).text();
    assert.equal(JSON.parse(errors).error.code, 'batch_expired');
  });

  test('batches are cancelled, and stay so while their results are written', async () => {
    const batch = await submit(line('a'));
    const cancelling = await client.batches.cancel(batch.id);
    assert.equal(cancelling.status, 'cancelling');
    assert.ok(typeof cancelling.cancelling_at === 'number');
    await desk.run(batch.id, 'cancelled');
    assert.equal((await client.batches.retrieve(batch.id)).status, 'cancelled');
    await rejected(client.batches.cancel(batch.id), 409, /has ended/);
  });

  test('batches are listed by pages, newest first', async () => {
    const file = await other.files.create({ file: await upload(line('a')), purpose: 'batch' });
    const made: string[] = [];
    for (let count = 0; count < 5; count++)
      made.unshift(
        (await other.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h' })).id,
      );
    const listed: string[] = [];
    for await (const batch of other.batches.list({ limit: 2 })) listed.push(batch.id);
    assert.deepEqual(listed, made);
    const page = await fetch(`${gateway.url}/v1/batches?limit=2`, {
      headers: { authorization: `Bearer ${other.apiKey}` },
    });
    const { object, first_id, last_id, has_more } = JSON.parse(await page.text());
    assert.deepEqual(
      { object, first_id, last_id, has_more },
      { object: 'list', first_id: made[0], last_id: made[1], has_more: true },
    );
    await rejected(other.batches.list({ limit: 101 }), 400, /from 1 to 100/);
  });

  test('another key’s batches are not there', async () => {
    const batch = await submit(line('a'));
    await rejected(other.batches.retrieve(batch.id), 404, /There is no/);
    await rejected(other.batches.cancel(batch.id), 404, /There is no/);
    await desk.run(batch.id);
    const { output_file_id } = await client.batches.retrieve(batch.id);
    await rejected(other.files.content(output_file_id ?? ''), 404, /There is no/);
  });

  test('terms come in headers', async () => {
    const file = await client.files.create({ file: await upload(line('a')), purpose: 'batch' });
    const headers = {
      'x-intermodal-tags': 'nightly, eu',
      'x-intermodal-priority': 'low',
      'x-intermodal-reuse': '7d',
      'x-intermodal-deadline': '45m',
      'idempotency-key': 'k1',
    };
    const body = { input_file_id: file.id, endpoint, completion_window: '24h' } as const;
    const { data, response } = await client.batches.create(body, { headers }).withResponse();
    assert.equal(response.headers.get('idempotent-replayed'), null);
    assert.equal(data.completion_window, '45m');
    const { tags, priority, reuseMs, windowMs, idempotencyKey } = desk.created.at(-1) ?? {};
    assert.deepEqual(
      { tags, priority, reuseMs, windowMs, idempotencyKey },
      {
        tags: ['nightly', 'eu'],
        priority: 'low',
        reuseMs: 604_800_000,
        windowMs: 2_700_000,
        idempotencyKey: 'k1',
      },
    );
    const again = await client.batches.create(body, { headers }).withResponse();
    assert.equal(again.data.id, data.id);
    assert.equal(again.response.headers.get('idempotent-replayed'), 'true');
  });
});

describe('batches on the wire', () => {
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${gateway.url}/v1/batches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(await answer.text()), headers: answer.headers };
  };

  test('requests may come inline, with what else there is to say after them', async () => {
    const requests = ['a', 'b'].map((id) => JSON.parse(line(id)));
    const text = JSON.stringify(
      {
        requests,
        endpoint,
        completion_window: '30m',
        webhook: { url: 'https://app.example/x', metadata: { a: '1' } },
      },
      null,
      2,
    );
    const { status, body } = await post(text);
    assert.equal(status, 200);
    assert.equal(body.input_file_id, null);
    assert.equal(body.completion_window, '30m');
    const wanted = desk.created.at(-1);
    assert.deepEqual(wanted?.webhook, { url: 'https://app.example/x', metadata: { a: '1' } });
    assert.ok(wanted !== undefined && 'blob' in wanted.input);
    const lines = desk.blob(wanted.input.blob).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((one) => JSON.parse(one)),
      requests,
    );
    await desk.run(body.id);
    const done = await client.batches.retrieve(body.id);
    assert.deepEqual(done.request_counts, { total: 2, completed: 2, failed: 0 });
  });

  const good = { input_file_id: 'file-1', endpoint, completion_window: '24h' };
  const inline = { endpoint, requests: [{}] };
  const long = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']));
  const table: readonly [unknown, string | null, RegExp][] = [
    ['nope', null, /must be a JSON object/],
    ['{"endpoint":', null, /ended too early/],
    [{ ...good, input_file_id: undefined }, 'input_file_id', /"input_file_id" is missing/],
    [{ ...good, input_file_id: 7 }, 'input_file_id', /must be a string/],
    [{ ...good, ...inline }, 'requests', /both given/],
    [{ ...inline, requests: [] }, 'requests', /"requests" is empty/],
    [{ ...inline, requests: {} }, 'requests', /must be an array/],
    [{ ...inline, requests: [1] }, 'requests.0', /must be an object/],
    [{ ...inline, endpoint: '/v1/x' }, 'endpoint', /"endpoint" is "\/v1\/x"; it may be/],
    [{ ...good, endpoint: undefined }, 'endpoint', /"endpoint" is missing/],
    [
      { ...good, endpoint: '/v1/responses' },
      'endpoint',
      /may be \/v1\/chat\/completions or \/v1\/embeddings/,
    ],
    [{ ...good, completion_window: '25h' }, 'completion_window', /from 1m to 24h, but it is 25h/],
    [{ ...good, completion_window: '5s' }, 'completion_window', /from 1m to 24h, but it is 5s/],
    [{ ...good, completion_window: 'soon' }, 'completion_window', /"soon"; write a duration/],
    [{ ...good, completion_window: 24 }, 'completion_window', /a number; write a duration/],
    [{ ...good, metadata: 'x' }, 'metadata', /must be an object, but it is a string/],
    [{ ...good, metadata: long }, 'metadata', /17 pairs; the most is 16/],
    [{ ...good, metadata: { a: 1 } }, 'metadata.a', /must be a string, but it is a number/],
    [{ ...good, metadata: { a: 'x'.repeat(513) } }, 'metadata.a', /513 characters long; the most is 512/],
    [{ ...good, metadata: { ['x'.repeat(65)]: '' } }, 'metadata', /key of 65 characters/],
    [
      { ...good, output_expires_after: { anchor: 'x', seconds: 3600 } },
      'output_expires_after.anchor',
      /created_at/,
    ],
    [
      { ...good, output_expires_after: { anchor: 'created_at', seconds: 1 } },
      'output_expires_after.seconds',
      /from 3600/,
    ],
    [{ ...good, webhook: { url: 'javascript:x' } }, 'webhook.url', /http or https/],
    [{ ...good, webhook: { uri: 'https://x' } }, 'webhook.uri', /Unknown parameter/],
    [{ ...good, endpiont: 1 }, 'endpiont', /Unknown parameter: 'endpiont'/],
  ];
  for (const [body, param, message] of table)
    test(`refuse ${JSON.stringify(body).slice(0, 90)}`, async () => {
      const kept = desk.blobs.size;
      const { status, body: answer } = await post(body);
      assert.equal(status, 400);
      assert.match(answer.error.message, message);
      assert.equal(answer.error.param, param);
      assert.equal(desk.blobs.size, kept);
    });

  test('refuse headers that are wrong', async () => {
    for (const [name, value, message] of [
      ['x-intermodal-priority', 'urgent', /may be high, normal or low/],
      ['x-intermodal-deadline', '2d', /from 1m to 24h/],
      ['x-intermodal-reuse', 'always', /a duration such as 7d, or off/],
      ['idempotency-key', 'x'.repeat(256), /over 255 characters/],
      ['content-encoding', 'gzip', /"gzip" is not accepted/],
    ] as const) {
      const { status, body } = await post(good, { [name]: value });
      assert.equal(status, 400, name);
      assert.match(body.error.message, message);
    }
  });

  test('what a path does not take is 405, and says what it takes', async () => {
    for (const [method, path, allow] of [
      ['PUT', '/v1/files', 'POST, GET'],
      ['PATCH', '/v1/files/x', 'GET, DELETE'],
      ['DELETE', '/v1/batches/x', 'GET'],
      ['GET', '/v1/batches/x/cancel', 'POST'],
    ] as const) {
      const answer = await fetch(`${gateway.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}` },
      });
      assert.equal(answer.status, 405, path);
      assert.equal(answer.headers.get('allow'), allow);
      assert.equal(JSON.parse(await answer.text()).error.code, 'method_not_allowed');
    }
  });

  test('callers without a key, and with one for the admin endpoints, are turned away', async () => {
    const admin = await addKey(stores, 'ops', { admin: true });
    await gateway.world.keys.refresh();
    for (const [headers, status] of [
      [{}, 401],
      [{ authorization: 'Bearer nope' }, 401],
      [{ authorization: `Bearer ${admin}` }, 403],
    ] as const) {
      const answer = await fetch(`${gateway.url}/v1/files`, { headers: { ...headers } });
      assert.equal(answer.status, status);
      assert.match(answer.headers.get('x-request-id') ?? '', /^req_/);
      await answer.text();
    }
  });
});

test('without a desk batches are not served', async () => {
  const plain = await startTestGateway();
  const answer = await fetch(`${plain.url}/v1/batches`);
  assert.equal(answer.status, 404);
  assert.ok(!(await answer.text()).includes('/v1/files'));
  await plain.close();
});

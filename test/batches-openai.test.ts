/** Batches by the untouched official OpenAI SDK, and on the wire, against a gateway on a socket of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type OpenAI from 'openai';
import type { Stores } from '../src/stores/contract.ts';
import type { TestDesk } from './support/batch-desk.ts';
import { type DeskGateway, startDeskGateway } from './support/desk-gateway.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';
import { endpoint, line, openaiAt, rejected, upload } from './support/openai-batches.ts';

let scene: DeskGateway;
let desk: TestDesk;
let stores: Stores;
let gateway: TestGateway;
let key = '';
let client: OpenAI;
let other: OpenAI;

before(async () => {
  scene = await startDeskGateway();
  ({ desk, stores, gateway, key } = scene);
  client = openaiAt(gateway.url, key);
  other = openaiAt(gateway.url, scene.otherKey);
});

after(() => scene.close());

async function submit(text: string, more: object = {}): Promise<OpenAI.Batch> {
  const file = await client.files.create({ file: await upload(text), purpose: 'batch' });
  return client.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', ...more });
}

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

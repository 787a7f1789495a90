/** Message Batches by the untouched official Anthropic SDK, and jobs by hand, against a gateway on a socket of its own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { TestDesk } from './support/batch-desk.ts';
import { batchShapes, type DeskGateway, startDeskGateway } from './support/desk-gateway.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

let scene: DeskGateway;
let desk: TestDesk;
let gateway: TestGateway;
let key = '';
let client: Anthropic;
let other: Anthropic;

before(async () => {
  scene = await startDeskGateway();
  ({ desk, gateway, key } = scene);
  const make = (apiKey: string) => new Anthropic({ baseURL: gateway.url, apiKey, maxRetries: 0 });
  client = make(key);
  other = make(scene.otherKey);
});

after(() => scene.close());

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

const request = (custom_id: string) => ({
  custom_id,
  params: { model: 'assistant', max_tokens: 64, messages: [{ role: 'user' as const, content: 'hi' }] },
});

async function rejected(promise: Promise<unknown>, status: number, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof Anthropic.APIError, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, message);
    assert.match(error.requestID ?? '', /^req_/);
    return true;
  });
}

const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, body: JSON.parse(await answer.text()), headers: answer.headers };
};

const get = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${gateway.url}${path}`, { headers: { 'x-api-key': key, ...headers } });
  return { status: answer.status, body: JSON.parse(await answer.text()), headers: answer.headers };
};

describe('message batches by the Anthropic SDK', () => {
  test('a batch goes its way', async () => {
    const requests = [request('a'), request('__proto__'), request('dead'), request('open')];
    const batch = await client.messages.batches.create({ requests });
    assert.match(batch.id, /^msgbatch_/);
    assert.equal(batch.type, 'message_batch');
    assert.equal(batch.processing_status, 'in_progress');
    assert.deepEqual(batch.request_counts, {
      processing: 4,
      succeeded: 0,
      errored: 0,
      canceled: 0,
      expired: 0,
    });
    assert.equal(Date.parse(batch.expires_at) - Date.parse(batch.created_at), 86_400_000);
    assert.deepEqual(
      [batch.ended_at, batch.archived_at, batch.cancel_initiated_at, batch.results_url],
      [null, null, null, null],
    );
    await rejected(fetchResults(batch.id), 400, /has not ended/);

    await desk.run(batch.id, 'expired');
    const ended = await client.messages.batches.retrieve(batch.id);
    assert.equal(ended.processing_status, 'ended');
    assert.deepEqual(ended.request_counts, {
      processing: 0,
      succeeded: 2,
      errored: 1,
      canceled: 0,
      expired: 1,
    });
    assert.equal(ended.results_url, `${gateway.url}/v1/messages/batches/${batch.id}/results`);
    const results = [];
    for await (const one of await client.messages.batches.results(batch.id)) results.push(one);
    assert.deepEqual(
      results.map(({ custom_id, result }) => [custom_id, result.type]),
      [
        ['a', 'succeeded'],
        ['__proto__', 'succeeded'],
        ['dead', 'errored'],
        ['open', 'expired'],
      ],
    );
    const [first, , dead] = results.map(({ result }) => result);
    assert.ok(first?.type === 'succeeded' && dead?.type === 'errored');
    assert.deepEqual(
      first.message.content.map((block) => block.type === 'text' && block.text),
      ['answer to a'],
    );
    assert.equal(dead.error.error.type, 'overloaded_error');
  });

  /** As the SDK would, without asking first whether there are any. */
  const fetchResults = (id: string) => client.get(`/v1/messages/batches/${id}/results`);

  test('the headers of the protocol go with each of its requests', async () => {
    await client.messages.batches.create(
      { requests: [request('a')] },
      { headers: { 'anthropic-beta': 'output-300k-2026-03-24' } },
    );
    const wanted = desk.created.at(-1);
    assert.ok(wanted !== undefined && 'blob' in wanted.input);
    const shape = batchShapes.find((one) => one.id === 'anthropic');
    const line = shape?.readLine(Buffer.from(desk.blob(wanted.input.blob).trimEnd()), { endpoint: '' });
    assert.equal(line?.headers?.['anthropic-beta'], 'output-300k-2026-03-24');
    assert.match(line?.headers?.['anthropic-version'] ?? '', /^20\d\d-/);
  });

  test('a batch is cancelled', async () => {
    const batch = await client.messages.batches.create({ requests: [request('open')] });
    const canceling = await client.messages.batches.cancel(batch.id);
    assert.equal(canceling.processing_status, 'canceling');
    assert.ok(canceling.cancel_initiated_at !== null);
    await rejected(client.messages.batches.delete(batch.id), 409, /has not ended/);
    await desk.run(batch.id, 'cancelled');
    const [result] = await collect(await client.messages.batches.results(batch.id));
    assert.deepEqual(result?.result, { type: 'canceled' });
    assert.deepEqual(await client.messages.batches.delete(batch.id), {
      id: batch.id,
      type: 'message_batch_deleted',
    });
    await rejected(client.messages.batches.retrieve(batch.id), 404, /There is no/);
  });

  test('batches are listed by pages, both ways', async () => {
    const made: string[] = [];
    for (let count = 0; count < 5; count++)
      made.unshift((await other.messages.batches.create({ requests: [request('a')] })).id);
    const listed = await collect(other.messages.batches.list({ limit: 2 }));
    assert.deepEqual(
      listed.map((batch) => batch.id),
      made,
    );
    const earlier = await other.messages.batches.list({ before_id: made[4] ?? '', limit: 2 });
    assert.deepEqual(
      earlier.data.map((batch) => batch.id),
      made.slice(2, 4),
    );
    assert.equal(earlier.has_more, true);
    assert.deepEqual([earlier.first_id, earlier.last_id], [made[2], made[3]]);
    await rejected(other.messages.batches.list({ limit: 1001 }), 400, /from 1 to 1000/);
    await rejected(other.messages.batches.list({ before_id: 'a', after_id: 'b' }), 400, /give one of them/);
  });

  test('another key’s batches are not there, nor are those of another shape', async () => {
    const batch = await client.messages.batches.create({ requests: [request('a')] });
    await rejected(other.messages.batches.retrieve(batch.id), 404, /There is no/);
    await rejected(other.messages.batches.cancel(batch.id), 404, /There is no/);
    await rejected(other.messages.batches.delete(batch.id), 404, /There is no/);
    await desk.run(batch.id);
    await rejected(other.messages.batches.results(batch.id), 404, /There is no/);
    assert.equal((await get(`/v1/batches/${batch.id}`)).status, 404);
    assert.equal((await get(`/v1/batch/jobs/${batch.id}`)).status, 404);
    assert.equal((await post(`/v1/batches/${batch.id}/cancel`, {})).status, 404);
  });

  test('results are at the address that the caller knows', async () => {
    const batch = await client.messages.batches.create({ requests: [request('a')] });
    await desk.run(batch.id);
    const path = `/v1/messages/batches/${batch.id}/results`;
    for (const [headers, origin] of [
      [{ host: 'gateway.example' }, 'http://gateway.example'],
      [{ host: 'gateway.example:8443', 'x-forwarded-proto': 'https' }, 'https://gateway.example:8443'],
      [{ host: '[::1]:4000' }, 'http://[::1]:4000'],
      [{ host: 'good.example', 'x-forwarded-proto': 'javascript' }, 'http://good.example'],
      [{ host: '-' }, ''],
    ] as const) {
      const answer = await new Promise<string>((resolve, reject) => {
        const asked = httpRequest(`${gateway.url}/v1/messages/batches/${batch.id}`, {
          headers: { 'x-api-key': key, ...headers },
        });
        asked.on('error', reject).on('response', async (response) => {
          assert.equal(response.headers['cache-control'], 'no-store');
          resolve((await response.toArray()).join(''));
        });
        asked.end();
      });
      assert.equal(JSON.parse(answer).results_url, `${origin}${path}`, JSON.stringify(headers));
    }
  });

  const good = request('a');
  const table: readonly [unknown, string, RegExp][] = [
    ['nope', '', /must be a JSON object/],
    [{}, '', /requests: Field required/],
    [{ requests: [] }, '', /at least 1 item/],
    [{ requests: {} }, '', /"requests" must be an array/],
    [{ requests: ['x'] }, '', /requests\.0: every element must be an object/],
    [
      { requests: [good, { ...good, custom_id: 'b', extra: 1 }] },
      '',
      /requests\.1\.extra: Unknown parameter/,
    ],
    [{ requests: [{ params: good.params }] }, '', /requests\.0\.custom_id: "custom_id" is missing/],
    [
      { requests: [good, { ...good, custom_id: 'a b' }] },
      '',
      /requests\.1\.custom_id: "custom_id" must match/,
    ],
    [
      { requests: [good, request('b'), good] },
      '',
      /requests\.2\.custom_id: "a" is the "custom_id" of an earlier/,
    ],
    [{ requests: [{ custom_id: 'a' }] }, '', /requests\.0\.params: "params" is missing/],
    [{ requests: [{ custom_id: 'a', params: 'x' }] }, '', /requests\.0\.params: "params" must be an object/],
    [{ requests: [good], metadata: {} }, '', /Unknown parameter: 'metadata'/],
    [`{"requests":[${JSON.stringify(good)}`, '', /ended too early/],
    [`{"requests":[${JSON.stringify(good)},]}`, '', /expected an element/],
  ];
  for (const [body, , message] of table)
    test(`refuse ${JSON.stringify(body).slice(0, 90)}`, async () => {
      const kept = desk.blobs.size;
      const { status, body: answer } = await post('/v1/messages/batches', body);
      assert.equal(status, 400);
      assert.equal(answer.error.type, 'invalid_request_error');
      assert.match(answer.error.message, message);
      assert.match(answer.request_id, /^req_/);
      assert.equal(desk.blobs.size, kept);
    });

  test('what is wrong with the params is told in the results', async () => {
    const broken = { custom_id: 'x', params: { max_tokens: 1 } };
    const { body } = await post('/v1/messages/batches', { requests: [broken, good] });
    await desk.run(body.id);
    const results = await collect(await client.messages.batches.results(body.id));
    assert.deepEqual(
      results.map(({ result }) => result.type),
      ['errored', 'succeeded'],
    );
  });

  test('too much is refused', async () => {
    const big = { ...good, params: { ...good.params, system: 'x'.repeat(2_000_000) } };
    const { status, body } = await post('/v1/messages/batches', { requests: [big] });
    assert.deepEqual([status, body.error.type], [413, 'request_too_large']);
  });

  test('an idempotency key makes one batch of two submissions', async () => {
    const headers = { 'idempotency-key': 'once' };
    const first = await post('/v1/messages/batches', { requests: [good] }, headers);
    const second = await post('/v1/messages/batches', { requests: [good] }, headers);
    assert.equal(second.body.id, first.body.id);
    assert.equal(second.headers.get('idempotent-replayed'), 'true');
  });
});

describe('jobs', () => {
  const items = [
    { id: 'a"b', content: 'hi' },
    { id: 'dead', content: 'hi', task: 'classify' },
    { id: 'é', content: 'hi' },
  ];

  test('go their way', async () => {
    const made = await post('/v1/batch/jobs', {
      model: 'assistant',
      items,
      response_format: { type: 'json_object' },
    });
    assert.equal(made.status, 200);
    const id = made.body.batch_id;
    assert.deepEqual(Object.keys(made.body), ['batch_id']);
    const before = await get(`/v1/batch/jobs/${id}`);
    assert.deepEqual(before.body, {
      batch_id: id,
      status: 'processing',
      progress: { total: 0, done: 0, failed: 0 },
    });
    await desk.run(id);
    const { body } = await get(`/v1/batch/jobs/${id}`);
    assert.equal(body.status, 'completed');
    assert.deepEqual(body.progress, { total: 3, done: 2, failed: 1 });
    const byId = new Map(body.results.map((one: { id: string }) => [one.id, one]));
    assert.deepEqual(
      [...byId.keys()],
      items.map(({ id: one }) => one),
    );
    assert.equal(body.results[0].content, 'answer to a"b');
    assert.equal(body.results[1].error.code, 'upstream_overloaded');
  });

  test('that were cut short failed, and give what was there', async () => {
    const { body: made } = await post('/v1/batch/jobs', {
      model: 'assistant',
      items: [
        { id: '1', content: 'x' },
        { id: 'open', content: 'x' },
      ],
    });
    await desk.run(made.batch_id, 'expired');
    const { body } = await get(`/v1/batch/jobs/${made.batch_id}`);
    assert.equal(body.status, 'failed');
    assert.match(body.error, /ran out/);
    assert.deepEqual(
      body.results.map(({ status }: { status: string }) => status),
      ['succeeded', 'expired'],
    );
  });

  test('are refused in OpenAI’s words, and are nobody else’s', async () => {
    const { status, body } = await post('/v1/batch/jobs', { model: 'm', items: [] });
    assert.equal(status, 400);
    assert.deepEqual([body.error.type, body.error.param], ['invalid_request_error', 'items']);
    const made = await post('/v1/batch/jobs', { model: 'm', items: [{ id: '1', content: 'x' }] });
    const foreign = await get(`/v1/batch/jobs/${made.body.batch_id}`, { 'x-api-key': other.apiKey ?? '' });
    assert.equal(foreign.status, 404);
  });

  test('have a place to ask whether a key is good', async () => {
    assert.deepEqual((await get('/v1/auth/validate')).body, { valid: true });
    assert.equal((await get('/v1/auth/validate', { 'x-api-key': 'nope' })).status, 401);
  });
});

test('an upload that was begun before a drain is taken to its end', async () => {
  const draining = await startTestGateway({ desk });
  const body = JSON.stringify({ requests: [request('a')] });
  const asked = httpRequest(`${draining.url}/v1/messages/batches`, {
    method: 'POST',
    headers: { 'content-length': body.length, expect: '100-continue' },
  });
  const answered = once(asked, 'response');
  // The gateway has the head by then.
  asked.flushHeaders();
  await once(asked, 'continue');
  const drained = draining.gateway.drain(5_000);
  asked.end(body);
  const [response] = await answered;
  assert.equal(response.statusCode, 200);
  response.resume();
  assert.deepEqual(await drained, { cut: 0 });
  await draining.close();
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { createFakeClock, type FakeClock } from '../../../test/support/clock.ts';
import { type Simulator, startSimulator } from '../server.ts';

const model = 'claude-haiku-4-5-20251001';

describe('the vendor’s own client', () => {
  let simulator: Simulator;
  let client: Anthropic;
  beforeEach(async () => {
    simulator = await startSimulator({});
    simulator.setFaults({ batches: [{ duration_ms: 60_000 }] });
    client = new Anthropic({ apiKey: 'k', baseURL: simulator.url, maxRetries: 0, logLevel: 'off' });
  });
  afterEach(() => simulator.close());

  const request = (custom_id: string, more: object = {}) => ({
    custom_id,
    params: { model, max_tokens: 40, messages: [{ role: 'user' as const, content: '[[echo]]hi' }], ...more },
  });
  const refused = async (work: Promise<unknown>): Promise<readonly [number | undefined, string | null]> => {
    try {
      await work;
    } catch (thrown) {
      if (thrown instanceof APIError) return [thrown.status, thrown.type];
      throw thrown;
    }
    return assert.fail('nothing was refused');
  };
  async function resultsOf(id: string) {
    const results = [];
    for await (const result of await client.messages.batches.results(id)) results.push(result);
    return results.sort((a, b) => a.custom_id.localeCompare(b.custom_id));
  }

  test('creates, polls, reads and deletes a batch', async () => {
    const created = await client.messages.batches.create({ requests: [request('a'), request('b')] });
    assert.match(created.id, /^msgbatch_01[0-9a-f]{22}$/);
    assert.deepEqual(
      { ...created, id: '', created_at: '', expires_at: '' },
      {
        id: '',
        type: 'message_batch',
        processing_status: 'in_progress',
        request_counts: { processing: 2, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
        ended_at: null,
        created_at: '',
        expires_at: '',
        archived_at: null,
        cancel_initiated_at: null,
        results_url: null,
      },
    );
    assert.match(created.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
    assert.equal(Date.parse(created.expires_at) - Date.parse(created.created_at), 86_400_000);
    const { data, response } = await client.messages.batches.retrieve(created.id).withResponse();
    assert.deepEqual(data.request_counts.processing, 2);
    assert.equal(response.headers.get('retry-after'), '10');
    await assert.rejects(client.messages.batches.results(created.id), /results_url/);
    assert.deepEqual(await refused(client.messages.batches.delete(created.id)), [
      400,
      'invalid_request_error',
    ]);
    await simulator.finishJobs();
    const ended = await client.messages.batches.retrieve(created.id);
    assert.equal(ended.processing_status, 'ended');
    assert.deepEqual(ended.request_counts, {
      processing: 0,
      succeeded: 2,
      errored: 0,
      canceled: 0,
      expired: 0,
    });
    assert.equal(ended.results_url, `${simulator.url}/v1/messages/batches/${created.id}/results`);
    const [first, ...others] = await resultsOf(created.id);
    assert.equal(others.length, 1);
    assert.ok(first?.custom_id === 'a' && first.result.type === 'succeeded');
    assert.equal(first.result.message.usage.service_tier, 'batch');
    assert.deepEqual(first.result.message.content, [{ type: 'text', text: 'hi' }]);
    assert.deepEqual(await client.messages.batches.delete(created.id), {
      id: created.id,
      type: 'message_batch_deleted',
    });
    assert.deepEqual(await refused(client.messages.batches.retrieve(created.id)), [404, 'not_found_error']);
  });

  test('cancels a batch; what was not done is canceled', async () => {
    const { id } = await client.messages.batches.create({ requests: [request('a'), request('b')] });
    await client.messages.batches.retrieve(id);
    const cancelling = await client.messages.batches.cancel(id);
    assert.equal(cancelling.processing_status, 'canceling');
    assert.notEqual(cancelling.cancel_initiated_at, null);
    assert.equal(cancelling.request_counts.processing, 2);
    await simulator.finishJobs();
    assert.deepEqual(
      (await resultsOf(id)).map(({ result }) => result.type),
      ['canceled', 'canceled'],
    );
    assert.deepEqual(await refused(client.messages.batches.cancel(id)), [400, 'invalid_request_error']);
  });

  test('lists newest first, page by page', async () => {
    const ids: string[] = [];
    for (let number = 0; number < 5; number++)
      ids.unshift((await client.messages.batches.create({ requests: [request('a')] })).id);
    const listed: string[] = [];
    for await (const batch of client.messages.batches.list({ limit: 2 })) listed.push(batch.id);
    assert.deepEqual(listed, ids);
    const before = await client.messages.batches.list({ limit: 2, before_id: ids[3] ?? '' });
    assert.deepEqual(
      before.data.map(({ id }) => id),
      ids.slice(1, 3),
    );
    assert.deepEqual([before.has_more, before.first_id, before.last_id], [true, ids[1], ids[2]]);
    assert.deepEqual(await refused(client.messages.batches.list({ limit: 1001 })), [
      400,
      'invalid_request_error',
    ]);
  });

  test('is told of bad requests when they run, not when they are sent', async () => {
    const bad: readonly [string, object][] = [
      ['cold', { temperature: 0 }],
      ['empty', { messages: [] }],
      ['none', { max_tokens: 0 }],
      ['stream', { stream: true }],
    ];
    const { id } = await client.messages.batches.create({
      requests: [...bad.map(([name, more]) => request(name, more)), request('good')],
    });
    await simulator.finishJobs();
    const results = await resultsOf(id);
    assert.deepEqual(
      results.map(({ result }) => result.type),
      ['errored', 'errored', 'succeeded', 'errored', 'errored'],
    );
    const [cold] = results;
    assert.ok(cold?.result.type === 'errored');
    assert.deepEqual(Object.keys(cold.result.error), ['type', 'error', 'request_id']);
    assert.equal(cold.result.error.error.type, 'invalid_request_error');
    const older = client.withOptions({ defaultHeaders: { 'anthropic-version': '2023-06-01' } });
    const again = await older.messages.batches.create({ requests: [request('cold', { temperature: 0 })] });
    await simulator.finishJobs();
    assert.equal((await resultsOf(again.id))[0]?.result.type, 'succeeded');
  });

  for (const [what, requests] of [
    ['an id twice', [request('a'), request('a')]],
    ['an id with a space', [request('a b')]],
    ['an id of 65 letters', [request('a'.repeat(65))]],
    ['no request', []],
  ] as const)
    test(`is refused at once for ${what}`, async () => {
      const work = client.messages.batches.create({ requests: [...requests] });
      assert.deepEqual(await refused(work), [400, 'invalid_request_error']);
      assert.equal((await client.messages.batches.list()).data.length, 0);
    });
});

describe('as time goes by', () => {
  const headers = { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' };
  const ask = async (url: string, init: RequestInit = { headers }) =>
    JSON.parse(await (await fetch(url, init)).text());
  async function started(clock: FakeClock): Promise<Simulator> {
    const simulator = await startSimulator({ clock });
    simulator.setFaults({ batches: [{ validation_failure: 100 }] });
    return simulator;
  }
  const body =
    '{"requests":[{"custom_id":"a","params":{"model":"m"}},{"custom_id":"b","params":{"model":"m"}}]}';

  test('a batch that the engine fails ends with every item errored, and its results are archived after 29 days', async () => {
    const clock = createFakeClock(1_700_000_000_000);
    const simulator = await started(clock);
    const url = `${simulator.url}/~mine/v1/messages/batches`;
    const { id } = await ask(url, { method: 'POST', headers, body });
    await simulator.finishJobs();
    const ended = await ask(`${url}/${id}`);
    assert.deepEqual([ended.processing_status, ended.request_counts.errored], ['ended', 2]);
    assert.equal(ended.results_url, `${url}/${id}/results`);
    assert.equal(ended.created_at, '2023-11-14T22:13:20.000758+00:00');
    const lines = (await (await fetch(ended.results_url, { headers })).text()).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).result.type),
      ['errored', 'errored'],
    );
    await clock.advance(30 * 86_400_000);
    const archived = await ask(`${url}/${id}`);
    assert.notEqual(archived.archived_at, null);
    assert.equal(archived.results_url, null);
    assert.equal((await fetch(`${url}/${id}/results`, { headers })).status, 404);
    await simulator.close();
  });

  test('a call without a version, without a key or of an unknown kind is refused', async () => {
    const simulator = await started(createFakeClock());
    const url = `${simulator.url}/v1/messages/batches`;
    const { 'anthropic-version': _version, ...keyOnly } = headers;
    const { 'x-api-key': _key, ...versionOnly } = headers;
    assert.equal((await fetch(url, { headers: keyOnly })).status, 400);
    assert.equal((await fetch(url, { headers: versionOnly })).status, 401);
    assert.equal((await fetch(url, { method: 'PUT', headers, body })).status, 405);
    await simulator.close();
  });
});

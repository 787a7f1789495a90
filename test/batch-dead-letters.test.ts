/** Items that were given up: told with their attempts, and tried again when somebody asks for it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openStores } from '../src/stores/open.ts';
import { until } from './support/batch-road.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';

const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
routes:
  chat: { chain: [openai/gpt-4.1-nano@batch] }
batch: { poll: [20ms], retry: [10ms] }
`;

describe('dead letters', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-dead-'));
  let gateway: TestGateway;
  let key = '';
  let other = '';
  before(async () => {
    const stores = await openStores(':memory:');
    key = await addKey(stores, 'search');
    other = await addKey(stores, 'other');
    const batches = [{ duration_ms: 20, item_invalid: 100, times: 1 }, { duration_ms: 20 }];
    gateway = await startTestGateway({ yaml, stores, faults: { batches }, blobs: join(folder, 'blobs') });
  });
  after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });

  const ask = async (path: string, init: RequestInit = {}, by = key) => {
    const headers = { authorization: `Bearer ${by}`, 'content-type': 'application/json', ...init.headers };
    const answer = await fetch(`${gateway.url}${path}`, { ...init, headers });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  };
  const ended = (id: string) =>
    until(
      async () => (await ask(`/v1/batches/${id}`)).body,
      (batch) => batch.status === 'completed',
    );
  const line = (id: string, model = 'chat') => ({
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content: id }] },
  });

  test('are listed by pages with their attempts, and tried again', async () => {
    const requests = [line('a'), line('b', 'no-such-route'), line('c'), line('d')];
    const body = JSON.stringify({ requests, endpoint: '/v1/chat/completions', completion_window: '24h' });
    const { id } = (await ask('/v1/batches', { method: 'POST', body })).body;
    const early = await ask(`/v1/batches/${id}/retry-dead`, { method: 'POST' });
    assert.equal(early.status, 409, JSON.stringify(early.body));
    const first = await ended(id);
    assert.deepEqual(first.request_counts, { total: 4, completed: 0, failed: 4 });
    assert.equal(first.intermodal.open, 0);

    const page = (await ask(`/v1/batches/${id}/dead-letters?limit=2`)).body;
    assert.deepEqual(
      page.data.map((letter: { custom_id: string; line: number }) => [letter.line, letter.custom_id]),
      [
        [1, 'a'],
        [3, 'c'],
      ],
      'a rejected line is none',
    );
    assert.equal(page.has_more, true);
    const [letter] = page.data;
    assert.equal(letter.attempts.length, 1);
    assert.equal(letter.attempts[0].target, 'openai/gpt-4.1-nano@batch');
    assert.match(letter.attempts[0].submission, /^s[a-z0-9]{11}$/);
    assert.equal(letter.error.code, letter.attempts[0].error.code);
    assert.doesNotMatch(JSON.stringify(page), /"batch_(?!dead)|file-|req_/, 'an id of the provider');
    const rest = (await ask(`/v1/batches/${id}/dead-letters?limit=2&after=3`)).body;
    assert.deepEqual([rest.data.length, rest.data[0].custom_id, rest.has_more], [1, 'd', false]);

    const headers = { 'x-intermodal-deadline': '45m' };
    const retried = await ask(`/v1/batches/${id}/retry-dead`, { method: 'POST', headers });
    assert.deepEqual(retried, { status: 200, body: { id, object: 'batch.retry', retried: 3 } });
    const second = await ended(id);
    assert.deepEqual(second.request_counts, { total: 4, completed: 3, failed: 1 });
    assert.ok(second.expires_at - second.in_progress_at <= 45 * 60, 'it has the deadline that was asked for');
    assert.deepEqual((await ask(`/v1/batches/${id}/dead-letters`)).body.data, []);

    const nothing = await ask(`/v1/batches/${id}/retry-dead`, { method: 'POST' });
    assert.equal(nothing.body.retried, 0);
    const same = (await ask(`/v1/batches/${id}`)).body;
    assert.equal(same.status, 'completed', 'for a rejected line nothing begins anew');
    assert.equal(same.output_file_id, second.output_file_id);
  });

  test('are those of one key, and asked for in words that are understood', async () => {
    const { id } = (await ask('/v1/batches?limit=1')).body.data[0];
    for (const [method, what] of [
      ['GET', 'dead-letters'],
      ['POST', 'retry-dead'],
    ] as const)
      assert.equal((await ask(`/v1/batches/${id}/${what}`, { method }, other)).status, 404);
    assert.equal((await ask(`/v1/batches/${id}/dead-letters?after=x`)).body.error.param, 'after');
    assert.equal((await ask(`/v1/batches/${id}/dead-letters?limit=1000`)).body.error.param, 'limit');
  });
});

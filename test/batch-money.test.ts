/** The money of a batch on the whole road: what it is expected to cost, what it costs, what it saves, by the provider's bill. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createExperience } from '../src/batch/forecast/experience.ts';
import type { Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const yaml = `
providers:
  openai: { type: openai, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/v1" }
budgets:
  - { scope: route, route: capped, daily: $0.0005 }
batch: { poll: ['50ms'], prefilter: [{ when: { equals: ping }, answer: pong }] }
routes:
  nano: { chain: [openai/gpt-4.1-nano@batch] }
  mini: { chain: [openai/gpt-4.1-mini@batch] }
  learning: { chain: [openai/gpt-4.1-nano@batch] }
  capped: { chain: [openai/gpt-4.1-nano@batch] }
`;
const prices = [
  { model: 'gpt-4.1-nano', input: 0.1, cache_read: 0.025, output: 0.4 },
  { model: 'gpt-4.1-mini', input: 0.4, cache_read: 0.1, output: 1.6 },
];
const system = { role: 'system', content: 'Sort parcels by what is wrong with them. '.repeat(120) };

function lineOf(id: string, model: string, text: string) {
  return {
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, max_tokens: 50, messages: [system, { role: 'user', content: text }] },
  };
}

describe('the money of a batch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-money-'));
  let gateway: TestGateway;
  let stores: Stores;
  before(async () => {
    stores = await openStores(':memory:');
    gateway = await startTestGateway({
      yaml,
      stores,
      blobs: join(folder, 'blobs'),
      faults: { prices, batches: [{ duration_ms: 0, shuffle: false }] },
    });
  });
  after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(requests: readonly object[]) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ requests, endpoint: '/v1/chat/completions', completion_window: '24h' });
    const created = await (
      await fetch(`${gateway.url}/v1/batches`, { method: 'POST', headers, body })
    ).json();
    for (let tries = 0; tries < 2_000; tries++) {
      const batch = await (await fetch(`${gateway.url}/v1/batches/${Object(created).id}`)).json();
      if (['completed', 'failed'].includes(Object(batch).status)) return Object(batch);
    }
    return assert.fail('the batch does not end');
  }

  const bill = () => gateway.simulator.invoice(100);

  test('twins, rejected lines and what a rule answers are not expected to cost anything', async () => {
    // The first teaches how long such an answer is.
    await run([lineOf('a', 'nano', 'one')]);
    const alone = await run([lineOf('a', 'nano', 'one')]);
    const among = await run([
      lineOf('a', 'nano', 'one'),
      lineOf('b', 'nano', 'one'),
      lineOf('c', 'nano', 'one'),
      lineOf('c', 'nano', 'another'),
      lineOf('d', 'nano', 'ping'),
      lineOf('e', 'nano', 'ping'),
    ]);
    assert.ok(alone.intermodal.estimate_usd > 0);
    assert.equal(among.intermodal.estimate_usd, alone.intermodal.estimate_usd);
    assert.deepEqual(
      [among.intermodal.twins, among.intermodal.prefiltered, among.request_counts],
      [3, 1, { total: 6, completed: 5, failed: 1 }],
    );
  });

  test('a batch of twins fits a budget that one of them fits', async () => {
    const many = Array.from({ length: 30 }, (_, index) => lineOf(`${index}`, 'capped', 'the same'));
    assert.equal((await run(many)).status, 'completed');
    const different = Array.from({ length: 30 }, (_, index) => lineOf(`${index}`, 'capped', `${index}`));
    const refused = await run(different);
    assert.equal(refused.status, 'failed');
    assert.match(refused.errors.data[0].message, /is expected to cost/);
  });

  test('cost, saving and tokens are those of the bill, and the one model is told', async () => {
    const before = bill().totalNanoUsd;
    const batch = await run([
      lineOf('a', 'mini', 'first'),
      lineOf('b', 'mini', 'second'),
      lineOf('c', 'mini', 'second'),
    ]);
    const lines = bill().lines.slice(0, 2);
    const sum = (of: (line: (typeof lines)[number]) => number) =>
      lines.reduce((total, line) => total + of(line), 0);
    assert.equal(batch.model, 'mini');
    assert.equal(
      batch.usage.input_tokens,
      sum((line) => line.inputTokens),
    );
    assert.equal(
      batch.usage.input_tokens_details.cached_tokens,
      sum((line) => line.cacheReadTokens ?? 0),
    );
    assert.ok(batch.usage.input_tokens_details.cached_tokens > 1_000);
    const cost = bill().totalNanoUsd - before;
    assert.equal(Math.round(batch.intermodal.cost_usd * 1e9), cost);
    // The second was asked twice, and its list price counts twice.
    const list = sum(
      ({ batch: item, nanoUsd }) => 2 * nanoUsd * (item?.item.endsWith('-2') === true ? 2 : 1),
    );
    const saved = Math.round(batch.intermodal.saved_usd * 1e9);
    assert.ok(Math.abs(saved - (list - cost)) <= 3, `${saved} and ${list - cost}`);
  });

  test('the next batch is expected to have answers as long as the last', async () => {
    const asked = (text: string) => [{ ...lineOf('a', 'learning', `[[tokens:4]] ${text}`) }];
    const roomy = (text: string) =>
      asked(text).map((line) => ({ ...line, body: { ...line.body, max_tokens: 2_000 } }));
    const first = await run(roomy('first'));
    const second = await run(roomy('other'));
    // 512 tokens are expected of answers that nobody has seen.
    const fewer = 512 - first.usage.output_tokens;
    const saved = Math.round((first.intermodal.estimate_usd - second.intermodal.estimate_usd) * 1e9);
    assert.ok(Math.abs(saved - fewer * 1.25 * 200) <= 400, `${saved} for ${fewer} tokens`);
  });

  test('no one model is told where lines name several', async () => {
    const batch = await run([lineOf('a', 'mini', 'several'), lineOf('b', 'nano', 'several')]);
    assert.equal(batch.model, null);
  });

  test('the ledger learns how far off the estimate of input was', async () => {
    const image = { type: 'image_url', image_url: { url: 'https://example.com/parcel.png' } };
    const seen = (index: number) => {
      const line = lineOf(`${index}`, 'mini', '');
      const content = [{ type: 'text', text: `What is it? ${index}` }, image, image];
      return { ...line, body: { ...line.body, messages: [{ role: 'user', content }] } };
    };
    const before = bill().calls;
    await run(Array.from({ length: 30 }, (_, index) => seen(index)));
    await gateway.world.ledger.flush();
    const billed = bill().lines.slice(0, bill().calls - before);
    assert.equal(billed.length, 30);
    const latest = (await stores.ledger.list({ route: 'mini' }, 1))[0] ?? assert.fail();
    assert.equal(
      latest.inputTokens,
      billed.reduce((sum, line) => sum + line.inputTokens, 0),
    );
    assert.ok((latest.roughInputTokens ?? 0) > 0);
    const rows = await stores.ledger.usage({ route: 'mini' });
    const target = gateway.world.policy().target('openai/gpt-4.1-mini@batch');
    const route = gateway.world.policy().find('mini') ?? assert.fail();
    const { inputFactor, input, output, answers } = createExperience(rows).of(route, target);
    assert.deepEqual([input, output, answers >= 30], ['route', 'route', true]);
    // An image is a thousand tokens to us and 800 to the stand-in.
    assert.ok(inputFactor > 0.75 && inputFactor < 0.95, `${inputFactor}`);
  });
});

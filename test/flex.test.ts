/** Targets at a flex tier on the whole road: served at half the price, refused and served in full, over real sockets and the official SDKs. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import type { LedgerEntry, Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
  bedrock: { type: bedrock, region: us-east-1, bearer_token: k, endpoint: "http://127.0.0.1:\${SIMULATOR_PORT}/~bedrock" }
  vertex: { type: vertex, project: p, location: global, access_token: t, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~vertex" }
retry: { base: 1ms, cap: 2ms }
limits:
  openai/gpt-5-mini: { rpm: 600 }
routes:
  patient: { chain: [openai/gpt-5-mini@flex, openai/gpt-5-mini] }
  alone: { chain: [openai/gpt-5-mini@flex] }
  nova: { chain: ["bedrock/us.amazon.nova-pro-v1:0@flex", "bedrock/us.amazon.nova-pro-v1:0"] }
  gemini: { chain: [vertex/gemini-2.5-flash@flex, vertex/gemini-2.5-flash] }
  capped: { chain: [openai/gpt-5-mini@flex, openai/gpt-5-mini], timeouts: { flex: 30s } }
  "gpt-*": { chain: [openai/*@flex, openai/*] }
`;

const prices = [
  { provider: 'openai', model: 'gpt-5*', input: 0.25, output: 2 },
  { provider: 'bedrock', model: '*nova-pro*', input: 0.8, output: 3.2 },
  { provider: 'vertex', model: 'gemini-2.5-flash', input: 0.3, output: 2.5 },
];
const messages = [{ role: 'user' as const, content: 'Hello there' }];

describe('flex', () => {
  let gateway: TestGateway;
  let stores: Stores;
  let openai: OpenAI;
  before(async () => {
    stores = await openStores(':memory:');
    gateway = await startTestGateway({ yaml, stores });
    openai = new OpenAI({ apiKey: 'k', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  });
  after(() => gateway.close());
  beforeEach(() => {
    gateway.simulator.setFaults({ prices });
    gateway.simulator.log.clear();
  });

  const ask = (model: string, more: object = {}) =>
    openai.chat.completions.create({ model, messages, ...more }).withResponse();

  async function lastEntries(count: number): Promise<readonly LedgerEntry[]> {
    await gateway.world.ledger.flush();
    return stores.ledger.list({}, count);
  }
  const lastBill = () => gateway.simulator.invoice(1).lines[0];

  for (const model of ['patient', 'nova', 'gemini'])
    test(`${model}: half the price in the header, the ledger and on the invoice, and the answer says the tier`, async () => {
      const { data, response } = await ask(model);
      assert.match(response.headers.get('x-intermodal-target') ?? '', /@flex$/);
      assert.equal(data.service_tier, 'flex');
      const bill = lastBill();
      assert.equal(bill?.tier, 'flex');
      const cost = Number(response.headers.get('x-intermodal-cost'));
      const saved = Number(response.headers.get('x-intermodal-saved'));
      assert.ok(cost > 0);
      // Half, rounded up to a whole nano-dollar.
      assert.ok(Math.abs(cost - saved) < 2e-9, `${cost} and ${saved}`);
      const [entry] = await lastEntries(1);
      assert.equal(entry?.mode, 'flex');
      assert.equal(entry?.costNanoUsd, bill?.nanoUsd);
      assert.ok(Math.abs((entry?.listNanoUsd ?? 0) - 2 * (entry?.costNanoUsd ?? 0)) <= 2);
    });

  for (const model of ['patient', 'nova', 'gemini'])
    test(`${model}: a full tier falls back to the full price at once, and harms nobody else`, async () => {
      gateway.simulator.setFaults({ prices, faults: [{ kind: 'flex-full' }] });
      const { data, response } = await ask(model);
      assert.ok((data.choices[0]?.message.content ?? '') !== '');
      assert.doesNotMatch(response.headers.get('x-intermodal-target') ?? '', /@flex$/);
      assert.match(response.headers.get('x-intermodal-tried') ?? '', /@flex=upstream_overloaded$/);
      assert.equal(response.headers.get('x-intermodal-saved'), null);
      const [entry] = await lastEntries(1);
      assert.equal(entry?.mode, 'sync');
      assert.equal(entry?.costNanoUsd, lastBill()?.nanoUsd);
      assert.equal(lastBill()?.tier, undefined);
      const twin = response.headers.get('x-intermodal-target') ?? '';
      assert.equal(gateway.world.health.view(twin).standing, 'ready');
    });

  test('a refusal takes nothing from the limits of the model', async () => {
    gateway.simulator.setFaults({ prices, faults: [{ kind: 'flex-full' }] });
    for (let times = 0; times < 30; times++) {
      const { response } = await ask('patient');
      assert.equal(response.headers.get('x-intermodal-target'), 'openai/gpt-5-mini');
    }
    assert.equal(gateway.simulator.violations(), 0);
  });

  test('refused often enough, the tier is left alone for a while; its twin never', async () => {
    gateway.simulator.setFaults({ prices, faults: [{ kind: 'flex-full' }] });
    for (let times = 0; times < 12; times++) await ask('patient');
    gateway.simulator.log.clear();
    const { response } = await ask('patient');
    assert.equal(gateway.world.health.view('openai/gpt-5-mini@flex').standing, 'open');
    assert.equal(response.headers.get('x-intermodal-attempts'), '1');
  });

  test('what was asked for flex and served as standard is priced as standard', async () => {
    gateway.simulator.setFaults({ prices, faults: [{ kind: 'flex-as-standard' }] });
    const { data, response } = await ask('gemini');
    assert.equal(response.headers.get('x-intermodal-target'), 'vertex/gemini-2.5-flash@flex');
    assert.equal(data.service_tier, undefined);
    assert.equal(response.headers.get('x-intermodal-saved'), null);
    const [entry] = await lastEntries(1);
    assert.equal(entry?.costNanoUsd, lastBill()?.nanoUsd);
    assert.equal(entry?.costNanoUsd, entry?.listNanoUsd);
  });

  test('streams are billed by the tier that the stream names', async () => {
    const stream = await openai.chat.completions.create({
      model: 'nova',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let tier: string | null | undefined;
    for await (const chunk of stream) tier = chunk.service_tier ?? tier;
    assert.equal(tier, 'flex');
    const [entry] = await lastEntries(1);
    assert.equal(entry?.mode, 'flex');
    assert.equal(entry?.costNanoUsd, lastBill()?.nanoUsd);
  });

  test('a caller’s own tier is respected where the target is not flex, and a direct name may ask for flex', async () => {
    const { data } = await ask('openai/gpt-5-mini', { service_tier: 'flex' });
    assert.equal(data.service_tier, 'flex');
    const [entry] = await lastEntries(1);
    assert.equal(entry?.mode, 'sync');
    assert.equal(entry?.costNanoUsd, lastBill()?.nanoUsd);
    const direct = await ask('openai/gpt-5@flex');
    assert.equal(direct.data.service_tier, 'flex');
    await assert.rejects(ask('openai/gpt-4.1-mini@flex'), { status: 404 });
  });

  test('a pattern takes the tier where the caller’s model has one, and the full price where not', async () => {
    const has = await ask('gpt-5');
    assert.equal(has.response.headers.get('x-intermodal-target'), 'openai/gpt-5@flex');
    const hasNot = await ask('gpt-4.1-mini');
    assert.equal(hasNot.response.headers.get('x-intermodal-target'), 'openai/gpt-4.1-mini');
  });

  test('waits longer than for other targets, and a route with it gives its requests the time', () => {
    const policy = gateway.world.policy();
    const [flex, sync] = (policy.find('patient')?.chain ?? []).map(({ options }) => options[0]?.target);
    assert.equal(flex?.timeouts.answerMs, 900_000);
    assert.equal(flex?.timeouts.firstTokenMs, 900_000);
    assert.equal(sync?.timeouts.answerMs, 120_000);
    assert.equal(policy.find('patient')?.budgetMs, 1_200_000);
    assert.equal(policy.find('openai/gpt-5-mini')?.budgetMs, 300_000);
    assert.equal(policy.find('openai/gpt-5@flex')?.budgetMs, 1_200_000);
    assert.equal(policy.find('capped')?.chain[0]?.options[0]?.target.timeouts.answerMs, 30_000);
    assert.equal(policy.find('capped')?.budgetMs, 330_000);
  });
});

/** What requests cost, who hears of it and where it is written down, over real sockets and through the official SDKs. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';

const providerKey = 'provider-secret-of-a-test';
const yaml = `
providers:
  openai: { type: openai, api_key: ${providerKey}, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
  anthropic: { type: anthropic, api_key: ${providerKey}, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~anthropic" }
routes:
  cheap: { chain: [openai/gpt-4.1-nano] }
  chain: { chain: [anthropic/claude-haiku-4-5, openai/gpt-4.1-nano] }
  spent: { chain: [openai/gpt-4.1-nano] }
  "gpt-*": { chain: [openai/*] }
prices:
  openai/gpt-4.1-nano: { input: $1, output: $2 }
budgets:
  - { scope: route, route: spent, daily: $0.000001 }
  - { scope: all, daily: $100 }
`;

const messages = [{ role: 'user' as const, content: 'Hello there' }];

describe('money', () => {
  let gateway: TestGateway;
  let stores: Stores;
  let key: string;
  let admin: string;
  let openai: OpenAI;
  let anthropic: Anthropic;
  before(async () => {
    stores = await openStores(':memory:');
    key = await addKey(stores, 'app', { team: 'web' });
    admin = await addKey(stores, 'root', { admin: true });
    gateway = await startTestGateway({ stores, yaml });
    openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
    anthropic = new Anthropic({ baseURL: gateway.url, apiKey: key });
  });
  after(() => gateway.close());
  beforeEach(() => {
    gateway.simulator.log.clear();
    gateway.simulator.setFaults({});
  });

  /** Within the second that an entry may take to be durable. */
  async function entries(requestId: string | null, count: number) {
    const until = Date.now() + 1_000;
    for (;;) {
      const found = (await stores.ledger.list({}, 1_000)).filter((entry) => entry.requestId === requestId);
      if (found.length === count) return found.toReversed();
      assert.ok(Date.now() < until, `${found.length} of ${count} entries after a second`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  test('an answer says what it cost, to the nano-dollar', async () => {
    const { data, response } = await openai.chat.completions
      .create({ model: 'cheap', messages })
      .withResponse();
    const nano = (data.usage?.prompt_tokens ?? 0) * 1000 + (data.usage?.completion_tokens ?? 0) * 2000;
    const cost = response.headers.get('x-intermodal-cost') ?? '';
    assert.match(cost, /^\d+\.\d{9}$/);
    assert.equal(Math.round(Number(cost) * 1e9), nano);
    assert.equal(response.headers.get('x-intermodal-saved'), null);
    const [entry] = await entries(response.headers.get('x-request-id'), 1);
    assert.equal(entry?.costNanoUsd, nano);
  });

  test('a stream does not say it in its headers, since it has only begun; the ledger does', async () => {
    const stream = await openai.chat.completions
      .create({ model: 'cheap', messages, stream: true })
      .withResponse();
    for await (const _ of stream.data);
    assert.equal(stream.response.headers.get('x-intermodal-cost'), null);
    const [entry] = await entries(stream.response.headers.get('x-request-id'), 1);
    assert.ok(entry?.stream === true && entry.exact && entry.costNanoUsd > 0);
  });

  test('every attempt is an entry of the ledger, those that failed too', async () => {
    gateway.simulator.setFaults({ faults: [{ provider: 'anthropic', kind: 'outage' }] });
    const { response } = await openai.chat.completions
      .create({ model: 'chain', messages }, { headers: { 'x-intermodal-tags': 'a,b' } })
      .withResponse();
    const requestId = response.headers.get('x-request-id');
    const found = await entries(requestId, 2);
    const common = { requestId, key: 'app', team: 'web', route: 'chain', mode: 'sync', stream: false };
    for (const entry of found) {
      for (const [name, value] of Object.entries(common)) assert.equal(Reflect.get(entry, name), value, name);
      assert.deepEqual(entry.tags, ['a', 'b']);
    }
    const [failed, served] = found;
    assert.ok(failed !== undefined && served !== undefined);
    assert.notEqual(failed.id, served.id);
    assert.deepEqual(
      [failed.provider, failed.model, failed.outcome, failed.code, failed.costNanoUsd, failed.exact],
      ['anthropic', 'claude-haiku-4-5', 'failed', 'upstream_fault', 0, true],
    );
    assert.deepEqual(
      [served.provider, served.model, served.outcome, served.code],
      ['openai', 'gpt-4.1-nano', 'served', undefined],
    );
    assert.ok((served.inputTokens ?? 0) > 0 && (served.outputTokens ?? 0) > 0 && served.exact);
  });

  test('a spent budget is 402 in the caller’s own words, and no SDK asks twice', async () => {
    const before = gateway.lines.length;
    const thrown = await openai.chat.completions.create({ model: 'spent', messages }).then(
      () => assert.fail('it was served'),
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof OpenAI.APIError);
    assert.equal(thrown.status, 402);
    assert.equal(thrown.code, 'over_budget');
    assert.match(thrown.message, /Budget route:spent\/day\/\d{4}-\d\d-\d\d .* resets at \d{4}-\d\d-\d\dT/);
    assert.ok(Number(thrown.headers?.get('retry-after')) > 0);
    assert.equal(gateway.lines.length - before, 1);
    const other = await anthropic.messages.create({ model: 'spent', max_tokens: 10, messages }).then(
      () => assert.fail('it was served'),
      (error: unknown) => error,
    );
    assert.ok(other instanceof Anthropic.APIError);
    assert.equal(other.status, 402);
    assert.equal(other.type, 'billing_error');
    assert.match(other.message, /Budget route:spent\/day/);
    assert.equal(gateway.lines.length - before, 2);
    assert.equal(gateway.simulator.log.list().length, 0);
  });

  test('who administers sees what was spent, as JSON and as CSV', async () => {
    const { response } = await openai.chat.completions.create({ model: 'cheap', messages }).withResponse();
    await entries(response.headers.get('x-request-id'), 1);
    const ask = (query: string) =>
      fetch(`${gateway.url}/admin/spend?${query}`, { headers: { authorization: `Bearer ${admin}` } });
    const json = JSON.parse(await (await ask('by=key,model&route=cheap')).text());
    assert.deepEqual(json.by, ['key', 'model']);
    assert.equal(json.rows[0].key, 'app');
    assert.equal(json.rows[0].model, 'gpt-4.1-nano');
    const csv = await ask('by=key,model&route=cheap&format=csv');
    assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
    const [head, row] = (await csv.text()).split(/\r?\n/);
    assert.match(head ?? '', /^key,model,/);
    assert.match(row ?? '', /^app,gpt-4.1-nano,/);
    const wrong = await ask('by=colour');
    assert.equal(wrong.status, 400);
    assert.match(await wrong.text(), /by/);
  });

  test('metrics are Prometheus text, and callers cannot make them grow without end', async () => {
    const read = async (): Promise<string[]> =>
      (await (await fetch(`${gateway.url}/metrics`)).text()).split('\n');
    const names = 1_500;
    const invent = async (from: number): Promise<void> => {
      for (let at = from; at < names; at += 30)
        await fetch(`${gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body: JSON.stringify({ model: at % 2 === 0 ? `gpt-"${at}\\` : `nothing-${at}`, messages }),
        }).then((response) => response.text());
    };
    await Promise.all(Array.from({ length: 30 }, (_, from) => invent(from)));
    const lines = await read();
    const form =
      /^[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="(\\[\\n"]|[^"\\\n])*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|NaN|[+-]Inf)$/;
    const series = new Map<string, number>();
    for (const line of lines) {
      if (line === '' || line.startsWith('# HELP ') || line.startsWith('# TYPE ')) continue;
      assert.match(line, form);
      const name = line.replace(/[{ ].*/s, '');
      series.set(name, (series.get(name) ?? 0) + 1);
    }
    for (const name of [
      'intermodal_requests_total',
      'intermodal_attempts_total',
      'intermodal_cost_usd_total',
      'intermodal_refusals_total',
      'intermodal_ledger_pending',
      'gen_ai_client_operation_duration_seconds_bucket',
      'gen_ai_client_token_usage_count',
    ])
      assert.ok(series.has(name), name);
    for (const [name, count] of series) assert.ok(count <= 1_001 * 2 * 16, `${name}: ${count}`);
    assert.ok(
      (series.get('intermodal_requests_total') ?? 0) < 50,
      'routes are the config’s, not the caller’s',
    );
    assert.ok((series.get('intermodal_attempts_total') ?? 0) <= 1_001);
  });

  test('one line a request, and no secret anywhere', async () => {
    const before = gateway.lines.length;
    gateway.simulator.setFaults({ faults: [{ provider: 'anthropic', kind: 'auth' }] });
    const told: string[] = [];
    const ask = async (path: string, headers: Record<string, string>, body?: object): Promise<void> => {
      const response = await fetch(gateway.url + path, {
        headers,
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      told.push(JSON.stringify([...response.headers]), await response.text());
    };
    const bearer = { authorization: `Bearer ${key}` };
    await ask('/v1/chat/completions', bearer, { model: 'chain', messages });
    await ask('/v1/chat/completions', bearer, { model: 'spent', messages });
    await ask('/v1/chat/completions', bearer, { model: key, messages: 7 });
    await ask('/v1/messages', { 'x-api-key': `${key}x` }, { model: 'chain', max_tokens: 5, messages });
    assert.equal(gateway.lines.length - before, 4);
    await ask('/health', {});
    await ask('/metrics', {});
    await ask('/admin/spend?by=key,route,model', { 'x-api-key': admin });
    await new Promise((resolve) => setTimeout(resolve, 250));
    const written = await stores.ledger.list({}, 10_000);
    // The one who sends a key as a model's name is told the name that was not found; nobody else.
    const own = told.splice(4, 2);
    assert.match(own.join(), /No route or model is named/);
    const everything = JSON.stringify([
      told,
      gateway.lines,
      gateway.complaints,
      written,
      await stores.keys.list(),
    ]);
    for (const secret of [key, admin, providerKey]) assert.ok(!everything.includes(secret), secret);
  });

  test('what is not durable yet is written before the gateway stops', async () => {
    const kept: string[] = [];
    const real = await openStores(':memory:');
    const ledger = {
      ...real.ledger,
      append: async (rows: Parameters<typeof real.ledger.append>[0]) =>
        void kept.push(...rows.map(({ route }) => route)),
    };
    const other = await startTestGateway({ stores: { ...real, ledger }, yaml });
    await fetch(`${other.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'cheap', messages }),
    }).then((response) => response.text());
    assert.deepEqual(kept, []);
    await other.close();
    assert.deepEqual(kept, ['cheap']);
  });
});

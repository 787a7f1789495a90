/** Who may come in and what for, over real sockets and through the official SDKs. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { isLocal } from '../src/gateway/auth.ts';
import type { Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';

const openai = (gateway: TestGateway, apiKey: string) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey });
const anthropic = (gateway: TestGateway, apiKey: string) => new Anthropic({ baseURL: gateway.url, apiKey });

const chat = (gateway: TestGateway, key: string, model = 'openai') =>
  openai(gateway, key).chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello' }] });
const message = (gateway: TestGateway, key: string, model = 'anthropic') =>
  anthropic(gateway, key).messages.create({
    model,
    max_tokens: 50,
    messages: [{ role: 'user', content: 'Hello' }],
  });

/** What an SDK makes of a refusal, and how often it asked. */
async function refused(gateway: TestGateway, asking: Promise<unknown>) {
  const before = gateway.lines.length;
  const error = await asking.then(
    () => assert.fail('it was served'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError, String(error));
  return { error, asked: gateway.lines.length - before };
}

/** Within the time that a change of keys may take to be seen. */
async function seen(holds: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 300;
  while (Date.now() < until) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail('it was not seen within 300 ms');
}

describe('a gateway without keys', () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway();
  });
  after(() => gateway.close());

  test('serves its own machine', async () => {
    assert.equal((await chat(gateway, 'whatever')).object, 'chat.completion');
    assert.equal((await message(gateway, 'whatever')).type, 'message');
    assert.equal((await fetch(`${gateway.url}/admin/spend`)).status, 200);
  });

  test('knows what its own machine is', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
      assert.equal(isLocal(address), true, address);
    for (const address of [undefined, '10.0.0.1', '192.168.127.1', '::ffff:10.0.0.1', 'fe80::1', '1270::1'])
      assert.equal(isLocal(address), false, String(address));
  });
});

describe('a gateway with keys', () => {
  let gateway: TestGateway;
  let stores: Stores;
  let app: string;
  let admin: string;
  before(async () => {
    stores = await openStores(':memory:');
    app = await addKey(stores, 'app');
    admin = await addKey(stores, 'root', { admin: true });
    gateway = await startTestGateway({ stores });
  });
  after(() => gateway.close());
  beforeEach(() => gateway.simulator.log.clear());

  test('serves whoever sends one, wherever an SDK puts it', async () => {
    assert.equal((await chat(gateway, app)).object, 'chat.completion');
    assert.equal((await message(gateway, app)).type, 'message');
    const azure = await fetch(`${gateway.url}/v1/models`, { headers: { 'api-key': app } });
    assert.equal(azure.status, 200);
    assert.equal(gateway.simulator.log.list().length, 2);
  });

  test('refuses a missing, a wrong and a mistyped one with 401, once, in the caller’s own shape', async () => {
    for (const key of ['', 'wrong', `${app}x`, app.slice(0, -1), app.toUpperCase()]) {
      const asked = await refused(gateway, chat(gateway, key === '' ? ' ' : key));
      assert.equal(asked.error.status, 401);
      assert.equal(asked.asked, 1, 'the SDK asked again');
    }
    const { error } = await refused(gateway, chat(gateway, 'wrong'));
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, 'invalid_api_key');
    const other = await refused(gateway, message(gateway, 'wrong'));
    assert.ok(other.error instanceof Anthropic.AuthenticationError);
    assert.equal(other.error.type, 'authentication_error');
    assert.equal(other.asked, 1);
    const bare = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
    assert.equal(bare.status, 401);
    assert.match(await bare.text(), /No key was sent/);
    assert.equal(gateway.simulator.log.list().length, 0);
  });

  test('tells nobody without a key what it serves', async () => {
    for (const path of ['/v1/models', '/v1/models/openai', '/v1/models/nothing']) {
      assert.equal((await fetch(gateway.url + path)).status, 401, path);
      const claude = await fetch(gateway.url + path, { headers: { 'anthropic-version': '2023-06-01' } });
      assert.equal(JSON.parse(await claude.text()).error.type, 'authentication_error');
    }
    assert.ok((await openai(gateway, app).models.list()).data.length > 0);
    assert.equal((await anthropic(gateway, app).models.retrieve('openai')).id, 'openai');
  });

  test('sees a new key and a revocation at once', async () => {
    const late = await addKey(stores, 'late');
    await seen(() =>
      chat(gateway, late).then(
        () => true,
        () => false,
      ),
    );
    await stores.keys.revoke('late', Date.now());
    await seen(() =>
      chat(gateway, late).then(
        () => false,
        () => true,
      ),
    );
    assert.equal((await refused(gateway, chat(gateway, late))).error.status, 401);
  });

  test('refuses an expired key, saying since when', async () => {
    const expired = await addKey(stores, 'expired', { expiresAtMs: Date.parse('2026-01-02T03:04:05Z') });
    await gateway.world.keys.refresh();
    const { error } = await refused(gateway, chat(gateway, expired));
    assert.equal(error.status, 401);
    assert.match(error.message, /expired at 2026-01-02T03:04:05/);
  });

  test('holds a key to its routes, by route and by model, with 403', async () => {
    const narrow = await addKey(stores, 'narrow', { routes: ['openai', 'claude-haiku*'] });
    await gateway.world.keys.refresh();
    await chat(gateway, narrow);
    await message(gateway, narrow, 'claude-haiku-4-5');
    const { error, asked } = await refused(gateway, chat(gateway, narrow, 'assistant'));
    assert.ok(error instanceof OpenAI.PermissionDeniedError);
    assert.equal(asked, 1);
    const other = await refused(gateway, message(gateway, narrow, 'claude-opus-4-6'));
    assert.ok(other.error instanceof Anthropic.PermissionDeniedError);
    assert.equal(other.error.type, 'permission_error');
  });

  test('keeps apps out of the admin endpoints, and admin keys out of models', async () => {
    const spend = (key?: string) =>
      fetch(`${gateway.url}/admin/spend`, key === undefined ? {} : { headers: { 'x-api-key': key } });
    assert.equal((await spend()).status, 401);
    assert.equal((await spend('wrong')).status, 401);
    assert.equal((await spend(app)).status, 403);
    assert.equal((await spend(admin)).status, 200);
    assert.equal((await refused(gateway, chat(gateway, admin))).error.status, 403);
    assert.equal((await refused(gateway, message(gateway, admin))).error.status, 403);
    assert.equal(gateway.simulator.log.list().length, 0);
  });

  test('throttles a key with 429 and says for how long, without asking anybody else', async () => {
    const slow = await addKey(stores, 'slow', { limits: { requestsPerMinute: 1 } });
    await gateway.world.keys.refresh();
    await chat(gateway, slow, 'assistant');
    const asking = (await openai(gateway, slow).withOptions({ maxRetries: 0 })).chat.completions.create({
      model: 'assistant',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    const { error } = await refused(gateway, asking);
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, 'key_limited');
    const after = Number(error.headers?.get('retry-after'));
    assert.ok(after >= 58 && after <= 60, String(after));
    const other = await refused(
      gateway,
      anthropic(gateway, slow)
        .withOptions({ maxRetries: 0 })
        .messages.create({ model: 'anthropic', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] }),
    );
    assert.ok(other.error instanceof Anthropic.RateLimitError);
    assert.equal(other.error.type, 'rate_limit_error');
    assert.equal(gateway.simulator.log.list().length, 1);
  });

  test('counts a request once against its key, however many targets it takes', async () => {
    const twice = await addKey(stores, 'twice', { limits: { requestsPerMinute: 2 } });
    await gateway.world.keys.refresh();
    gateway.simulator.setFaults({ faults: [{ provider: 'anthropic', kind: 'outage', times: 2 }] });
    await chat(gateway, twice, 'assistant');
    await chat(gateway, twice, 'assistant');
    gateway.simulator.setFaults({});
    assert.equal(gateway.simulator.log.list().length, 4);
  });
});

test('revoking the last key does not open the gateway', async () => {
  const stores = await openStores(':memory:');
  const only = await addKey(stores, 'only');
  const gateway = await startTestGateway({ stores });
  try {
    await stores.keys.revoke('only', Date.now());
    await gateway.world.keys.refresh();
    for (const key of [only, 'another'])
      assert.equal((await refused(gateway, chat(gateway, key))).error.status, 401);
    assert.equal((await fetch(`${gateway.url}/admin/spend`)).status, 401);
  } finally {
    await gateway.close();
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeClock } from '../../../test/support/clock.ts';
import { modelInfo } from '../../catalog/catalog.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ChatRequest } from '../../core/request.ts';
import { editBody, scanBody } from '../../wire/json-scan.ts';
import type { Provider } from '../contract.ts';
import { provider } from './index.ts';

const model = modelInfo('claude-haiku-4-5-20251001');

function create(settings: object, env: Readonly<Record<string, string>> = {}): Provider {
  return provider.create('claude', provider.settings.parse(settings), { env, clock: createFakeClock() });
}

async function post(made: Provider, headers: Readonly<Record<string, string>> = {}) {
  const endpoint = made.chat?.(model);
  assert.ok(endpoint !== undefined);
  return endpoint.request('{}', { stream: true, headers });
}

const request: ChatRequest = {
  kind: 'chat',
  model: 'route',
  system: [],
  messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Which pier?' }] }],
  tools: [],
  temperature: 0.5,
  maxOutputTokens: 50,
  stream: true,
  streamUsage: true,
  extensions: {},
};

describe('settings', () => {
  test('are strict', () => {
    assert.equal(provider.settings.safeParse({ key: 'x' }).success, false);
    assert.equal(provider.settings.safeParse({ base_url: 'port.example' }).success, false);
    assert.equal(provider.settings.safeParse({}).success, true);
  });

  test('without any key are a warning at first, and an error on use', async () => {
    const made = create({});
    assert.match(made.warning ?? '', /ANTHROPIC_API_KEY/);
    await assert.rejects(
      async () => post(made),
      (thrown: unknown) => thrown instanceof GatewayError && thrown.code === 'upstream_auth',
    );
  });
});

describe('requests', () => {
  const urls: readonly [string | undefined, string, string][] = [
    [undefined, 'https://api.anthropic.com', '/v1/messages'],
    ['http://127.0.0.1:9999', 'http://127.0.0.1:9999', '/v1/messages'],
    ['http://127.0.0.1:9999/~anthropic', 'http://127.0.0.1:9999', '/~anthropic/v1/messages'],
    ['http://127.0.0.1:9999/~anthropic/', 'http://127.0.0.1:9999', '/~anthropic/v1/messages'],
  ];
  for (const [base, origin, path] of urls) {
    test(`to ${base ?? 'the usual place'} go to ${origin}${path}`, async () => {
      const sent = await post(create({ api_key: 'k', ...(base === undefined ? {} : { base_url: base }) }));
      assert.deepEqual([sent.origin, sent.path], [origin, path]);
    });
  }

  test('carry the key of the settings, else of the environment', async () => {
    const env = { ANTHROPIC_API_KEY: 'from-env' };
    assert.deepEqual((await post(create({ api_key: 'from-settings' }, env))).headers, {
      'anthropic-version': '2023-06-01',
      'x-api-key': 'from-settings',
      'content-type': 'application/json',
    });
    assert.equal((await post(create({}, env))).headers['x-api-key'], 'from-env');
  });

  test('carry a token as Bearer, and no key beside it', async () => {
    const made = create({ auth_token: 'tok' }, { ANTHROPIC_API_KEY: 'from-env' });
    assert.equal(made.warning, undefined);
    const { headers } = await post(made);
    assert.equal(headers['authorization'], 'Bearer tok');
    assert.equal('x-api-key' in headers, false);
  });

  test('carry the caller’s version and flags; never its key', async () => {
    const { headers } = await post(create({ api_key: 'k' }), {
      'anthropic-version': '2024-01-01',
      'anthropic-beta': 'a-1',
    });
    assert.equal(headers['anthropic-version'], '2024-01-01');
    assert.equal(headers['anthropic-beta'], 'a-1');
    assert.equal(headers['x-api-key'], 'k');
  });
});

describe('errors', () => {
  test('are read by Anthropic’s table', () => {
    const endpoint = create({ api_key: 'k' }).chat?.(model);
    const body = JSON.stringify({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    });
    assert.equal(endpoint?.readError({ status: 529, headers: {}, body }).code, 'upstream_overloaded');
  });
});

describe('token counting', () => {
  const count = create({ api_key: 'k', base_url: 'http://127.0.0.1:9999/~anthropic' }).countTokens?.(model);

  test('has a path and a shape of its own', async () => {
    assert.ok(count !== undefined);
    assert.equal(count.protocol, 'anthropic-count-tokens');
    assert.deepEqual(count.encode(request).body, {
      model: model.id,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Which pier?' }] }],
    });
    const sent = await count.request('{}', { stream: false, headers: {} });
    assert.equal(sent.path, '/~anthropic/v1/messages/count_tokens');
    assert.deepEqual(count.readAnswer({ input_tokens: 14 }), { inputTokens: 14 });
    assert.throws(() => count.readAnswer({}), /no token count/);
  });

  test('passes the caller’s body on', () => {
    const body = scanBody(Buffer.from('{"model":"route","messages":[{"role":"user","content":"Hi"}]}'));
    const edits = count?.forward?.({ stream: false, streamUsage: false, headers: {}, body });
    assert.ok(edits !== undefined);
    assert.equal(
      editBody(body, edits).toString(),
      `{"model":"${model.id}","messages":[{"role":"user","content":"Hi"}]}`,
    );
  });
});

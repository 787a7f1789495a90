/** Why a request went where it went: the header on answers and errors, and what an operator is told by it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';

const yaml = `
providers:
  a: { type: openai, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~a/v1" }
  b: { type: anthropic, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~b" }
limits:
  a/gpt-4.1-nano: { rpm: 1 }
routes:
  chain:
    rules:
      - when: { tags: urgent }
        chain: [b/claude-haiku-4-5, a/gpt-4.1-mini]
    chain: [a/gpt-4.1-mini, b/claude-haiku-4-5]
  small: { chain: [a/gpt-4.1-nano, b/claude-haiku-4-5] }
  cheap: { order: cheapest, chain: [b/claude-haiku-4-5, a/gpt-4.1-nano] }
`;
const secret = 'the word nobody may find';

describe('decisions', () => {
  let gateway: TestGateway;
  let app: string;
  let admin: string;

  before(async () => {
    const stores = await openStores(':memory:');
    app = await addKey(stores, 'search');
    admin = await addKey(stores, 'boss', { admin: true });
    gateway = await startTestGateway({ yaml, stores });
  });
  after(() => gateway.close());

  const post = (model: string, headers: Record<string, string> = {}, body: object = {}): Promise<Response> =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: secret }], ...body }),
    });
  const told = async (path: string, key = admin) => {
    const response = await fetch(`${gateway.url}/admin/decisions${path}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    return { status: response.status, text: await response.text() };
  };
  /** The decision of an answer, once its caller has it whole. */
  const decisionOf = async (response: Response) => {
    await response.text();
    const id = response.headers.get('x-intermodal-decision') ?? '';
    for (let look = 0; look < 50; look++) {
      const { status, text } = await told(`/${id}`);
      if (status === 200) return { text, json: JSON.parse(text) };
    }
    return assert.fail(`no decision ${id}`);
  };

  test('an answer names its decision, and it tells rule, targets, attempts and cost', async () => {
    const { json, text } = await decisionOf(
      await post(
        'chain',
        { 'x-intermodal-tags': 'urgent', 'x-intermodal-priority': 'high' },
        { max_tokens: 50 },
      ),
    );
    assert.deepEqual(json.rule, { number: 1, text: '{ tags: urgent }' });
    assert.equal(json.route, 'chain');
    assert.equal(json.key, 'search');
    assert.equal(json.outcome, 'served');
    assert.equal(json.order, 'listed');
    assert.deepEqual(
      json.targets.map((one: { target: string; verdict: string }) => [one.target, one.verdict]),
      [
        ['b/claude-haiku-4-5', 'first'],
        ['a/gpt-4.1-mini', 'fallback'],
      ],
    );
    assert.match(json.targets[0].expected_usd, /^0\.0\d+$/);
    assert.equal(json.tried.length, 1);
    assert.equal(json.tried[0].outcome, 'served');
    assert.match(json.tried[0].cost_usd, /^0\.\d+$/);
    assert.equal(json.request.priority, 'high');
    assert.deepEqual(json.request.tags, ['urgent']);
    assert.equal(json.request.max_output_tokens, 50);
    for (const hidden of [secret, app, admin, 'nobody']) assert.ok(!text.includes(hidden), text);
  });

  test('failover is told attempt by attempt, and the second request is told why it went elsewhere', async () => {
    gateway.simulator.setFaults({ faults: [{ provider: 'a', kind: 'rate-limit', retry_after_s: 30 }] });
    const first = await decisionOf(await post('chain'));
    const second = await decisionOf(await post('chain'));
    gateway.simulator.setFaults({});
    assert.deepEqual(
      first.json.tried.map((one: { target: string; code?: string }) => [one.target, one.code]),
      [
        ['a/gpt-4.1-mini', 'rate_limited'],
        ['b/claude-haiku-4-5', undefined],
      ],
    );
    assert.equal(first.json.tried[0].upstream_status, 429);
    const passed = second.json.targets.at(-1);
    assert.equal(passed.target, 'a/gpt-4.1-mini');
    assert.equal(passed.verdict, 'passed over');
    assert.match(passed.why, /^it asked for time, for (?:29|30) s more$/);
  });

  test('what a limit refused is told with the limit', async () => {
    await (await post('small')).text();
    const { json } = await decisionOf(await post('small'));
    assert.equal(json.target, 'b/claude-haiku-4-5');
    assert.equal(json.tried[0].outcome, 'refused');
    assert.match(json.tried[0].why, /limit a\/gpt-4\.1-nano \S+ is used up/);
  });

  test('an order is told with its ranks', async () => {
    const { json } = await decisionOf(await post('cheap'));
    assert.deepEqual(
      json.targets.map((one: { target: string }) => one.target),
      ['a/gpt-4.1-nano', 'b/claude-haiku-4-5'],
    );
    assert.ok(json.targets[0].rank < json.targets[1].rank);
    assert.match(json.targets[0].why, /^expected to cost \$0\.000\d+$/);
  });

  test('errors have decisions too, whatever stage they are from', async () => {
    const unknown = await decisionOf(await post('no-such-route'));
    assert.equal(unknown.json.outcome, 'refused');
    assert.equal(unknown.json.code, 'model_not_found');
    assert.equal(unknown.json.request.model, 'no-such-route');
    const broken = await decisionOf(await post('chain', { 'x-intermodal-priority': 'soon' }));
    assert.equal(broken.json.status, 400);
    gateway.simulator.setFaults({ faults: [{ kind: 'refuse-shape' }] });
    const failed = await decisionOf(await post('chain'));
    gateway.simulator.setFaults({});
    assert.equal(failed.json.outcome, 'failed');
    assert.deepEqual(
      failed.json.tried.map((one: { code: string }) => one.code),
      ['invalid_request'],
    );
  });

  test('streams have them as soon as they have ended', async () => {
    const { json } = await decisionOf(await post('chain', {}, { stream: true }));
    assert.equal(json.request.stream, true);
    assert.equal(json.outcome, 'served');
  });

  test('strangers leave none, and push none out', async () => {
    const before = gateway.world.decisions.size;
    const response = await post('chain', { authorization: 'Bearer im_wrong' });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get('x-intermodal-decision'), null);
    assert.equal(gateway.world.decisions.size, before);
  });

  test('are listed, newest first, by route and outcome', async () => {
    const { text } = await told('?route=chain&outcome=failed&limit=5');
    const { decisions } = JSON.parse(text);
    assert.ok(decisions.length > 0);
    for (const one of decisions) assert.deepEqual([one.route, one.outcome], ['chain', 'failed']);
    const all = JSON.parse((await told('?limit=3')).text).decisions;
    assert.equal(all.length, 3);
    assert.ok(all[0].at >= all[2].at);
  });

  test('are an admin key’s alone, and what is asked wrongly is told so', async () => {
    assert.equal((await told('', app)).status, 403);
    assert.equal((await told('/req_x', 'im_wrong')).status, 401);
    assert.equal((await told('?limit=0')).status, 400);
    assert.equal((await told('?who=me')).status, 400);
    const missing = await told('/req_x');
    assert.equal(missing.status, 404);
    assert.match(missing.text, /No decision \\"req_x\\" is kept/);
  });
});

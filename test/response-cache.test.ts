/** The response cache on the whole road: real sockets, official SDKs, the simulator behind. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';
import { redisMissing, startRedis, type TestRedis } from './support/redis.ts';

const place = 'http://127.0.0.1:${SIMULATOR_PORT}';
const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "${place}/~openai/v1" }
  anthropic: { type: anthropic, api_key: k, base_url: "${place}/~anthropic" }
  vertex: { type: vertex, project: p, location: us-central1, access_token: t, base_url: "${place}/~vertex" }
  bedrock: { type: bedrock, region: us-east-1, bearer_token: k, endpoint: "${place}/~bedrock" }
retry: { rounds: 1 }
prices: { openai/gpt-4.1-nano: { input: $1, output: $2 } }
routes:
  kept: { chain: [openai/gpt-4.1-nano, anthropic/claude-haiku-4-5], cache: { for: 10m } }
  brief: { chain: [openai/gpt-4.1-nano], cache: { for: 1s } }
  claude: { chain: [anthropic/claude-haiku-4-5], cache: { for: 10m } }
  gemini: { chain: [vertex/gemini-2.5-flash], cache: { for: 10m } }
  nova: { chain: ["bedrock/us.amazon.nova-pro-v1:0"], cache: { for: 10m } }
  invoked: { chain: ["bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0"], cache: { for: 10m } }
  shared: { chain: [openai/gpt-4.1-nano], cache: { for: 10m, scope: all } }
  teams: { chain: [openai/gpt-4.1-nano], cache: { for: 10m, scope: team } }
  vectors: { chain: [openai/text-embedding-3-small], cache: { for: 10m } }
  poor: { chain: [openai/gpt-4.1-nano], cache: { for: 10m } }
  plain: { chain: [openai/gpt-4.1-nano] }
budgets:
  - { scope: route, route: poor, daily: $0.0605 }
`;

const ask = (content: string) => [{ role: 'user' as const, content }];
let next = 0;
/** Nobody has asked this before. */
const fresh = (): string => `question ${next++}`;

describe('the response cache', () => {
  let gateway: TestGateway;
  let stores: Stores;
  let clients: Record<'one' | 'two' | 'mate' | 'slow', OpenAI>;
  let claude: Anthropic;
  before(async () => {
    stores = await openStores(':memory:');
    const keys = {
      one: await addKey(stores, 'one', { team: 'web' }),
      two: await addKey(stores, 'two'),
      mate: await addKey(stores, 'mate', { team: 'web' }),
      slow: await addKey(stores, 'slow', { limits: { requestsPerMinute: 3 } }),
    };
    gateway = await startTestGateway({ yaml, stores });
    const open = (apiKey: string): OpenAI =>
      new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    clients = { one: open(keys.one), two: open(keys.two), mate: open(keys.mate), slow: open(keys.slow) };
    claude = new Anthropic({ apiKey: keys.one, baseURL: gateway.url, maxRetries: 0 });
  });
  after(() => gateway.close());
  beforeEach(() => gateway.simulator.setFaults({}));

  async function chat(
    model: string,
    content: string,
    {
      as = 'one',
      headers = {},
      ...body
    }: { as?: keyof typeof clients; headers?: object; [field: string]: unknown } = {},
  ) {
    const { data, response } = await clients[as].chat.completions
      .create({ model, messages: ask(content), ...body, stream: false }, { headers: { ...headers } })
      .withResponse();
    return { data, headers: response.headers, note: response.headers.get('x-intermodal-cache') };
  }

  async function stream(model: string, content: string, body: object = {}) {
    const { data, response } = await clients.one.chat.completions
      .create({ model, messages: ask(content), ...body, stream: true })
      .withResponse();
    let text = '';
    let usage: unknown;
    let finish: string | null = null;
    let id = '';
    for await (const chunk of data) {
      id = chunk.id;
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    return {
      id,
      text,
      usage,
      finish,
      note: response.headers.get('x-intermodal-cache'),
      headers: response.headers,
    };
  }

  const calls = (): number => gateway.simulator.invoice(0).calls;

  test('gives the same answer again, for nothing, and says so', async () => {
    const question = fresh();
    const first = await chat('kept', question);
    assert.equal(first.note, 'miss');
    const before = calls();
    const again = await chat('kept', question);
    assert.match(again.note ?? '', /^hit; age=\d$/);
    assert.deepEqual(again.data, first.data);
    assert.equal(calls(), before);
    assert.equal(again.headers.get('x-intermodal-cost'), '0.000000000');
    assert.equal(again.headers.get('x-intermodal-saved'), first.headers.get('x-intermodal-cost'));
    assert.equal(again.headers.get('x-intermodal-attempts'), '0');
    assert.equal(again.headers.get('x-intermodal-target'), 'openai/gpt-4.1-nano');
    assert.notEqual(
      again.headers.get('x-intermodal-request-id'),
      first.headers.get('x-intermodal-request-id'),
    );
  });

  test('the ledger has it at no cost, beside what it would have cost', async () => {
    const question = fresh();
    const first = await chat('kept', question, { headers: { 'x-intermodal-tags': 'ledger-of-hits' } });
    await chat('kept', question, { headers: { 'x-intermodal-tags': 'ledger-of-hits' } });
    await gateway.world.ledger.flush();
    const [hit, miss] = await stores.ledger.list({ tag: 'ledger-of-hits' }, 10);
    assert.equal(hit?.costNanoUsd, 0);
    assert.equal(hit?.listNanoUsd, miss?.costNanoUsd);
    assert.equal(hit?.inputTokens, undefined, 'its tokens were used once');
    assert.equal(hit?.key, 'one');
    assert.equal(Number(first.headers.get('x-intermodal-cost')) * 1e9, miss?.costNanoUsd);
  });

  test('routes without a cache say and keep nothing', async () => {
    const question = fresh();
    assert.equal((await chat('plain', question)).note, null);
    assert.equal((await chat('plain', question)).note, null);
  });

  for (const model of ['kept', 'gemini', 'claude', 'nova', 'invoked']) {
    test(`${model}: a stream is given what was kept whole, and the other way round`, async () => {
      const question = fresh();
      const whole = await chat(model, question);
      const streamed = await stream(model, question, { stream_options: { include_usage: true } });
      assert.match(streamed.note ?? '', /^hit/);
      assert.equal(streamed.text, whole.data.choices[0]?.message.content);
      assert.equal(streamed.finish, 'stop');
      assert.deepEqual(
        (streamed.usage as { prompt_tokens?: number } | undefined)?.prompt_tokens,
        whole.data.usage?.prompt_tokens,
      );
      const other = fresh();
      const first = await stream(model, other);
      assert.equal(first.note, 'miss');
      const later = await chat(model, other);
      assert.match(later.note ?? '', /^hit/);
      assert.equal(later.data.choices[0]?.message.content, first.text);
      assert.ok((later.data.usage?.completion_tokens ?? 0) > 0);
      const streamedAgain = await stream(model, other);
      assert.match(streamedAgain.note ?? '', /^hit/);
      assert.equal(streamedAgain.text, first.text);
      // Converse gives answers no id, so theirs is the request’s.
      if (model !== 'nova') assert.equal(streamedAgain.id, first.id);
      assert.equal(streamedAgain.usage, undefined, 'it did not ask for usage');
    });
  }

  test('in Anthropic’s dialect too, whole and streamed, apart from OpenAI’s', async () => {
    const question = fresh();
    const params = { model: 'claude', max_tokens: 100, messages: ask(question) };
    const first = await claude.messages.create(params).withResponse();
    assert.equal(first.response.headers.get('x-intermodal-cache'), 'miss');
    const again = await claude.messages.create(params).withResponse();
    assert.match(again.response.headers.get('x-intermodal-cache') ?? '', /^hit/);
    assert.deepEqual(again.data, first.data);
    const streamed = claude.messages.stream(params);
    const message = await streamed.finalMessage();
    assert.match(streamed.response?.headers.get('x-intermodal-cache') ?? '', /^hit/);
    assert.deepEqual(message.content, first.data.content);
    assert.deepEqual(message.usage.output_tokens, first.data.usage.output_tokens);
    assert.equal((await chat('claude', question, { max_tokens: 100 })).note, 'miss');
  });

  for (const model of ['claude', 'invoked', 'gemini'])
    test(`${model}: an Anthropic stream is given again as it was, event by event`, async () => {
      const params = { model, max_tokens: 200, messages: ask(fresh()), stream: true as const };
      const once = async (): Promise<{ events: string[]; note: string | null }> => {
        const { data, response } = await claude.messages.create(params).withResponse();
        const events: string[] = [];
        for await (const event of data) events.push(JSON.stringify(event));
        return { events, note: response.headers.get('x-intermodal-cache') };
      };
      const [first, again] = [await once(), await once()];
      assert.equal(first.note, 'miss');
      assert.match(again.note ?? '', /^hit/);
      assert.ok(first.events.length > 5);
      assert.deepEqual(again.events, first.events);
    });

  test('what a provider’s own tools find is not the same twice', async () => {
    const params = {
      model: 'claude',
      max_tokens: 100,
      messages: ask(fresh()),
      tools: [{ type: 'web_search_20250305' as const, name: 'web_search' as const }],
    };
    for (const _ of [1, 2]) {
      const { response } = await claude.messages.create(params).withResponse();
      assert.equal(response.headers.get('x-intermodal-cache'), 'bypass');
    }
  });

  test('tool calls are given again, whole and streamed', async () => {
    const question = fresh();
    const tools = [
      {
        type: 'function' as const,
        function: {
          name: 'find_pier',
          parameters: { type: 'object', properties: { ship: { type: 'string' } } },
        },
      },
    ];
    const first = await chat('kept', question, { tools });
    assert.equal(first.data.choices[0]?.finish_reason, 'tool_calls');
    const again = await chat('kept', question, { tools });
    assert.deepEqual(again.data, first.data);
    const streamed = await stream('kept', question, { tools });
    assert.match(streamed.note ?? '', /^hit/);
    assert.equal(streamed.finish, 'tool_calls');
  });

  test('embeddings are given again', async () => {
    const params = { model: 'vectors', input: [fresh(), 'two'] };
    const first = await clients.one.embeddings.create(params).withResponse();
    const again = await clients.one.embeddings.create(params).withResponse();
    assert.match(again.response.headers.get('x-intermodal-cache') ?? '', /^hit/);
    assert.deepEqual(again.data, first.data);
  });

  describe('what makes two requests the same', () => {
    test('spelling, and what does not change an answer, do not count', async () => {
      const question = fresh();
      await chat('kept', question, { temperature: 0.5, user: 'a', metadata: { run: '1' } });
      const again = await chat('kept', question, { metadata: { run: '2' }, user: 'b', temperature: 5e-1 });
      assert.match(again.note ?? '', /^hit/);
    });

    test('anything else does', async () => {
      const question = fresh();
      await chat('kept', question, { temperature: 0.5 });
      for (const body of [
        { temperature: 0.6 },
        {},
        { temperature: 0.5, max_tokens: 5 },
        { temperature: 0.5, future: 1 },
      ])
        assert.equal((await chat('kept', question, body)).note, 'miss', JSON.stringify(body));
      assert.equal((await chat('shared', question, { temperature: 0.5 })).note, 'miss', 'another route');
    });
  });

  describe('who shares', () => {
    const sharing = async (model: string, as: keyof typeof clients): Promise<boolean> => {
      const question = fresh();
      await chat(model, question, { as: 'one' });
      return (await chat(model, question, { as })).note?.startsWith('hit') === true;
    };
    test('by key: nobody but the key', async () => {
      assert.equal(await sharing('kept', 'one'), true);
      assert.equal(await sharing('kept', 'mate'), false);
      assert.equal(await sharing('kept', 'two'), false);
    });
    test('by team: the team, and whoever has none alone', async () => {
      assert.equal(await sharing('teams', 'mate'), true);
      assert.equal(await sharing('teams', 'two'), false);
    });
    test('all', async () => {
      assert.equal(await sharing('shared', 'two'), true);
    });
  });

  describe('what the caller wants', () => {
    const control = (text: string) => ({ headers: { 'cache-control': text } });
    test('no-cache: a new answer, which is kept', async () => {
      const question = fresh();
      await chat('kept', question);
      const before = calls();
      assert.equal((await chat('kept', question, control('no-cache'))).note, 'bypass');
      assert.equal(calls(), before + 1);
      assert.match((await chat('kept', question)).note ?? '', /^hit/);
    });
    test('no-store: nothing is kept', async () => {
      const question = fresh();
      assert.equal((await chat('kept', question, control('no-store'))).note, 'miss');
      assert.equal((await chat('kept', question)).note, 'miss');
      assert.match((await chat('kept', question, control('private, NO-STORE'))).note ?? '', /^hit/);
    });
    test('max-age: nothing older', async () => {
      const question = fresh();
      await chat('kept', question);
      assert.match((await chat('kept', question, control('max-age=600'))).note ?? '', /^hit/);
      await sleep(20);
      assert.equal((await chat('kept', question, control('max-age=0'))).note, 'miss');
    });
  });

  test('what is too old is asked for again', async () => {
    const question = fresh();
    await chat('brief', question);
    assert.match((await chat('brief', question)).note ?? '', /^hit/);
    await sleep(1_050);
    assert.equal((await chat('brief', question)).note, 'miss');
  });

  describe('what is never kept', () => {
    const twice = async (
      faults: readonly object[],
      content = fresh(),
      body: Readonly<Record<string, unknown>> = {},
    ): Promise<string | null> => {
      gateway.simulator.setFaults({ faults });
      await chat('brief', content, body).catch(() => undefined);
      gateway.simulator.setFaults({});
      await until(() => gateway.world.health.view('openai/gpt-4.1-nano').standing === 'ready');
      return (await chat('brief', content, body)).note;
    };
    test('errors', async () => assert.equal(await twice([{ kind: 'outage', times: 1 }]), 'miss'));
    test('answers that broke off', async () =>
      assert.equal(await twice([{ kind: 'cut', times: 1 }]), 'miss'));
    test('answers cut by a limit', async () =>
      assert.equal(await twice([], fresh(), { max_tokens: 3 }), 'miss'));
    test('refusals', async () => assert.equal(await twice([], `[[refuse]] ${fresh()}`), 'miss'));
    test('streams that broke off', async () => {
      const question = fresh();
      gateway.simulator.setFaults({ faults: [{ kind: 'cut', after: 4, times: 1 }] });
      await assert.rejects(stream('brief', question));
      gateway.simulator.setFaults({});
      await until(() => gateway.world.health.view('openai/gpt-4.1-nano').standing === 'ready');
      assert.equal((await stream('brief', question)).note, 'miss');
    });
  });

  test('an answer of a fallback is not given for the first target', async () => {
    const question = fresh();
    gateway.simulator.setFaults({ faults: [{ provider: 'openai', kind: 'outage', times: 1 }] });
    const first = await chat('kept', question);
    assert.equal(first.headers.get('x-intermodal-target'), 'anthropic/claude-haiku-4-5');
    const second = await chat('kept', question);
    assert.equal(second.note, 'miss');
    assert.equal(second.headers.get('x-intermodal-target'), 'openai/gpt-4.1-nano');
  });

  test('an answer of an older version of the model is not given', async () => {
    const question = fresh();
    await chat('shared', question);
    const route = gateway.world.policy().find('shared');
    const target = route?.chain[0]?.options[0]?.target;
    assert.ok(target !== undefined && route?.cache !== undefined);
    // Another request of the route was answered by a newer one meanwhile.
    const newer = { form: 'whole' as const, bytes: Buffer.from('{}'), model: 'gpt-4.1-nano-2027' };
    gateway.world.answers.keep('another', target, newer, route.cache);
    assert.equal((await chat('shared', question)).note, 'miss');
    assert.match((await chat('shared', question)).note ?? '', /^hit/);
  });

  test('a spent budget refuses new answers, and not those that cost nothing', async () => {
    const question = fresh();
    await chat('poor', question, { max_tokens: 30_000 });
    const refused = chat('poor', fresh(), { max_tokens: 30_500 });
    await assert.rejects(refused, { status: 402 });
    assert.match((await chat('poor', question, { max_tokens: 30_000 })).note ?? '', /^hit/);
  });

  test('the limits of a key count answers that were kept', async () => {
    const question = fresh();
    const asked = () => chat('kept', question, { as: 'slow' });
    assert.equal((await asked()).note, 'miss');
    for (const _ of [1, 2]) assert.match((await asked()).note ?? '', /^hit/);
    await assert.rejects(asked(), { status: 429 });
  });

  test('the metrics tell hits, misses, and how much is kept', async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(text, /intermodal_cache_requests_total\{route="kept",outcome="hit"\} [1-9]/);
    assert.match(text, /intermodal_cache_requests_total\{route="kept",outcome="miss"\} [1-9]/);
    assert.match(text, /intermodal_cache_requests_total\{route="kept",outcome="bypass"\} [1-9]/);
    assert.match(text, /intermodal_cache_stored_bytes_total\{route="kept"\} [1-9]/);
    assert.match(text, /intermodal_cache_bytes [1-9]/);
    assert.ok(!text.includes('route="plain",outcome'));
  });
});

describe('the response cache of gateways on one Redis', { skip: redisMissing }, () => {
  let redis: TestRedis;
  const gateways: TestGateway[] = [];
  before(async () => {
    redis = await startRedis();
    for (let count = 0; count < 2; count++)
      gateways.push(await startTestGateway({ yaml, redisUrl: redis.url }));
  });
  after(async () => {
    for (const gateway of gateways) await gateway.close();
    await redis.close();
  });
  const asked = async (gateway: TestGateway | undefined, question: string): Promise<string | null> => {
    assert.ok(gateway);
    const client = new OpenAI({ apiKey: 'k', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    const { response } = await client.chat.completions
      .create({ model: 'kept', messages: ask(question) })
      .withResponse();
    return response.headers.get('x-intermodal-cache');
  };

  test('is shared, and a Redis that is lost and empty again only costs answers', async () => {
    const [first, second] = gateways;
    await until(async () => {
      const question = fresh();
      await asked(first, question);
      return (await asked(second, question))?.startsWith('hit') === true;
    });
    const question = fresh();
    await redis.kill();
    assert.equal(await asked(first, question), 'miss');
    assert.equal(await asked(first, question), 'miss');
    await redis.restart();
    await until(async () => {
      await asked(first, question);
      return (await asked(second, question))?.startsWith('hit') === true;
    });
  });
});

async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  for (let times = 0; times < 300; times++) {
    if (await fact()) return;
    await sleep(50);
  }
  throw new Error('it never came to hold');
}

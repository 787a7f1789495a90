/** The response cache on the whole road: real sockets, official SDKs, the simulator behind. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ask, type CacheGateway, fresh, startCacheGateway } from './support/cache-gateway.ts';

describe('the response cache', () => {
  let scene: CacheGateway;
  before(async () => {
    scene = await startCacheGateway();
  });
  after(() => scene.close());
  beforeEach(() => scene.gateway.simulator.setFaults({}));

  test('gives the same answer again, for nothing, and says so', async () => {
    const question = fresh();
    const first = await scene.chat('kept', question);
    assert.equal(first.note, 'miss');
    const before = scene.calls();
    const again = await scene.chat('kept', question);
    assert.match(again.note ?? '', /^hit; age=\d$/);
    assert.deepEqual(again.data, first.data);
    assert.equal(scene.calls(), before);
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
    const first = await scene.chat('kept', question, { headers: { 'x-intermodal-tags': 'ledger-of-hits' } });
    await scene.chat('kept', question, { headers: { 'x-intermodal-tags': 'ledger-of-hits' } });
    await scene.gateway.world.ledger.flush();
    const [hit, miss] = await scene.stores.ledger.list({ tag: 'ledger-of-hits' }, 10);
    assert.equal(hit?.costNanoUsd, 0);
    assert.equal(hit?.listNanoUsd, miss?.costNanoUsd);
    assert.equal(hit?.inputTokens, undefined, 'its tokens were used once');
    assert.equal(hit?.key, 'one');
    assert.equal(Number(first.headers.get('x-intermodal-cost')) * 1e9, miss?.costNanoUsd);
  });

  test('routes without a cache say and keep nothing', async () => {
    const question = fresh();
    assert.equal((await scene.chat('plain', question)).note, null);
    assert.equal((await scene.chat('plain', question)).note, null);
  });

  for (const model of ['kept', 'gemini', 'claude', 'nova', 'invoked']) {
    test(`${model}: a stream is given what was kept whole, and the other way round`, async () => {
      const question = fresh();
      const whole = await scene.chat(model, question);
      const streamed = await scene.stream(model, question, { stream_options: { include_usage: true } });
      assert.match(streamed.note ?? '', /^hit/);
      assert.equal(streamed.text, whole.data.choices[0]?.message.content);
      assert.equal(streamed.finish, 'stop');
      assert.deepEqual(
        (streamed.usage as { prompt_tokens?: number } | undefined)?.prompt_tokens,
        whole.data.usage?.prompt_tokens,
      );
      const other = fresh();
      const first = await scene.stream(model, other);
      assert.equal(first.note, 'miss');
      const later = await scene.chat(model, other);
      assert.match(later.note ?? '', /^hit/);
      assert.equal(later.data.choices[0]?.message.content, first.text);
      assert.ok((later.data.usage?.completion_tokens ?? 0) > 0);
      const streamedAgain = await scene.stream(model, other);
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
    const first = await scene.claude.messages.create(params).withResponse();
    assert.equal(first.response.headers.get('x-intermodal-cache'), 'miss');
    const again = await scene.claude.messages.create(params).withResponse();
    assert.match(again.response.headers.get('x-intermodal-cache') ?? '', /^hit/);
    assert.deepEqual(again.data, first.data);
    const streamed = scene.claude.messages.stream(params);
    const message = await streamed.finalMessage();
    assert.match(streamed.response?.headers.get('x-intermodal-cache') ?? '', /^hit/);
    assert.deepEqual(message.content, first.data.content);
    assert.deepEqual(message.usage.output_tokens, first.data.usage.output_tokens);
    assert.equal((await scene.chat('claude', question, { max_tokens: 100 })).note, 'miss');
  });

  for (const model of ['claude', 'invoked', 'gemini'])
    test(`${model}: an Anthropic stream is given again as it was, event by event`, async () => {
      const params = { model, max_tokens: 200, messages: ask(fresh()), stream: true as const };
      const once = async (): Promise<{ events: string[]; note: string | null }> => {
        const { data, response } = await scene.claude.messages.create(params).withResponse();
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
      const { response } = await scene.claude.messages.create(params).withResponse();
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
    const first = await scene.chat('kept', question, { tools });
    assert.equal(first.data.choices[0]?.finish_reason, 'tool_calls');
    const again = await scene.chat('kept', question, { tools });
    assert.deepEqual(again.data, first.data);
    const streamed = await scene.stream('kept', question, { tools });
    assert.match(streamed.note ?? '', /^hit/);
    assert.equal(streamed.finish, 'tool_calls');
  });

  test('embeddings are given again', async () => {
    const params = { model: 'vectors', input: [fresh(), 'two'] };
    const first = await scene.clients.one.embeddings.create(params).withResponse();
    const again = await scene.clients.one.embeddings.create(params).withResponse();
    assert.match(again.response.headers.get('x-intermodal-cache') ?? '', /^hit/);
    assert.deepEqual(again.data, first.data);
  });
});

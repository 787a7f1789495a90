/** Routes with a cascade, over real sockets and through the official SDKs: what is accepted, what is escalated, what breaks and what is paid. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { until } from './support/batch-road.ts';
import {
  type CascadeGateway,
  header,
  json,
  nanoDown,
  question,
  startCascadeGateway,
  strongDown,
  sure,
  unsure,
} from './support/cascade-gateway.ts';

describe('a cascade', () => {
  let scene: CascadeGateway;
  before(async () => {
    scene = await startCascadeGateway();
  });
  after(() => scene.close());
  beforeEach(() => scene.begin());
  afterEach(() => scene.settle());

  describe('accepts', () => {
    test('a sure answer, whole, and asks nobody else', async () => {
      const { data, response } = await scene.ask('field', { response_format: json });
      assert.deepEqual(JSON.parse(data.choices[0]?.message.content ?? ''), {
        label: 'billing',
        confidence: 1,
      });
      assert.equal(header(response), 'accepted; confidence=1.00');
      assert.equal(response.headers.get('x-intermodal-target'), 'openai/gpt-4.1-nano');
      assert.equal(data.system_fingerprint, 'fp_simulated', 'the same protocol: as it came');
      assert.deepEqual(scene.models(), ['gpt-4.1-nano']);
    });

    test('a sure answer, streamed, and says what it cost, since it is whole by then', async () => {
      const { said, finish, response } = await scene.streamed('field', { response_format: json });
      assert.deepEqual(JSON.parse(said), { label: 'billing', confidence: 1 });
      assert.equal(finish, 'stop');
      assert.equal(header(response), 'accepted; confidence=1.00');
      assert.match(response.headers.get('x-intermodal-cost') ?? '', /^\d+\.\d{9}$/);
    });

    test('in the Anthropic dialect too, whole and streamed', async () => {
      const message = { model: 'agree', max_tokens: 100, messages: question() };
      const { data, response } = await scene.anthropic.messages.create(message).withResponse();
      assert.deepEqual(
        data.content.map((block) => (block.type === 'text' ? block.text : '')),
        ['billing'],
      );
      assert.equal(header(response), 'accepted; confidence=1.00');
      const stream = scene.anthropic.messages.stream({ ...message, messages: question() });
      assert.equal(await stream.finalText(), 'billing');
      assert.equal((await stream.finalMessage()).stop_reason, 'end_turn');
    });

    test('by agreement, with both calls in the cost, asked at the same time', async () => {
      const { response } = await scene.ask('agree');
      assert.equal(header(response), 'accepted; confidence=1.00');
      assert.equal(response.headers.get('x-intermodal-attempts'), '2');
      assert.deepEqual(scene.models().sort(), ['gpt-4.1-mini', 'gpt-4.1-nano']);
      const paid = await scene.entries(response, 2);
      const cost = paid.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
      assert.equal(Math.round(Number(response.headers.get('x-intermodal-cost')) * 1e9), cost);
      assert.equal(new Set(paid.map(({ id }) => id)).size, 2);
    });

    test('by a judge who trusts it', async () => {
      const { response } = await scene.ask('judged');
      assert.equal(header(response), 'accepted; confidence=1.00');
      assert.deepEqual(scene.models(), ['gpt-4.1-nano', 'gpt-4o-mini']);
    });

    test('by probable words, which nobody is told who did not ask', async () => {
      const { data, response } = await scene.ask('probable');
      assert.match(header(response) ?? '', /^accepted; confidence=/);
      assert.equal(data.choices[0]?.logprobs ?? null, null);
      const { said } = await scene.streamed('probable');
      assert.equal(said, 'billing');
      const told = await scene.ask('probable', { logprobs: true });
      assert.equal(told.data.choices[0]?.logprobs?.content?.[0]?.token, 'billing');
    });
  });

  describe('escalates', () => {
    beforeEach(() => scene.gateway.simulator.setFaults(unsure));

    test('an unsure answer, whole, with all of it in the cost', async () => {
      const { data, response } = await scene.ask('field', { response_format: json });
      assert.match(data.choices[0]?.message.content ?? '', /billing/);
      assert.equal(header(response), 'escalated; why=confidence; confidence=0.00');
      assert.equal(response.headers.get('x-intermodal-target'), 'anthropic/claude-sonnet-4-5');
      assert.equal(response.headers.get('x-intermodal-attempts'), '2');
      assert.equal(response.headers.get('x-intermodal-tried'), 'openai/gpt-4.1-nano=served');
      const paid = await scene.entries(response, 2);
      const cost = paid.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
      assert.equal(Math.round(Number(response.headers.get('x-intermodal-cost')) * 1e9), cost);
    });

    test('an unsure answer, streamed: nothing of it is seen, and the strong one comes as it is made', async () => {
      const { said, response } = await scene.streamed('probable');
      assert.equal(said, 'billing');
      assert.match(header(response) ?? '', /^escalated; why=confidence/);
      const stream = scene.anthropic.messages.stream({
        model: 'probable',
        max_tokens: 100,
        messages: question(),
      });
      assert.equal(await stream.finalText(), 'billing');
      // The strong answer takes two seconds; its first words are there long before.
      scene.gateway.simulator.setFaults({});
      const began = performance.now();
      const { data } = await scene.openai.chat.completions
        .create({
          model: 'field',
          messages: [{ role: 'user', content: '[[tokens:20]] [[chunk-delay:40ms]]' }],
          stream: true,
        })
        .withResponse();
      let first = 0;
      for await (const chunk of data)
        if (first === 0 && (chunk.choices[0]?.delta.content ?? '') !== '') first = performance.now() - began;
      const whole = performance.now() - began;
      assert.ok(whole - first > 400, `${first} of ${whole} ms`);
    });

    test('where others say something else', async () => {
      const { response } = await scene.ask('agree');
      assert.match(header(response) ?? '', /^escalated; why=confidence/);
      assert.deepEqual(scene.models().sort(), ['claude-sonnet-4-5', 'gpt-4.1-mini', 'gpt-4.1-nano']);
    });

    test('what cannot be read, was cut short, or lacks its form', async () => {
      assert.equal(header((await scene.ask('field')).response), 'escalated; why=unreadable');
      const cut = await scene.ask('field', { max_tokens: 3 }, '[[tokens:50]]');
      assert.match(header(cut.response) ?? '', /^escalated; why=(?:unfinished|unreadable)/);
      const schema = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };
      const format = { type: 'json_schema', json_schema: { name: 'a', schema } };
      const wrong = await scene.ask('field', { response_format: format });
      assert.match(header(wrong.response) ?? '', /^escalated; why=schema/);
    });

    test('where nobody can be asked for a second opinion', async () => {
      const down = { provider: 'openai', model: 'gpt-4.1-mini', kind: 'outage', status: 503 };
      scene.gateway.simulator.setFaults({ ...sure, faults: [down] });
      const { response } = await scene.ask('agree');
      assert.equal(header(response), 'escalated; why=unreadable');
    });

    test('where the cheap chain fails, at once', async () => {
      scene.gateway.simulator.setFaults({ ...sure, faults: [nanoDown] });
      const began = performance.now();
      const { data, response } = await scene.ask('field');
      assert.ok(performance.now() - began < 2_000);
      assert.equal(data.choices[0]?.message.content, 'billing');
      assert.equal(header(response), 'escalated; why=failed');
      const { said, response: second } = await scene.streamed('agree');
      assert.equal(said, 'billing');
      assert.equal(header(second), 'escalated; why=failed');
    });

    test('a cheap stream that breaks in its middle, without a trace', async () => {
      scene.gateway.simulator.setFaults({ ...sure, faults: [{ ...nanoDown, kind: 'cut', after: 3 }] });
      const { said, finish, response } = await scene.streamed('field', {}, '[[tokens:40]]');
      assert.equal(said, 'billing');
      assert.equal(finish, 'stop');
      assert.equal(header(response), 'escalated; why=failed');
    });

    test('by a judge who doubts, or cannot be asked', async () => {
      scene.gateway.simulator.setFaults({ answers: [{ model: 'gpt-4o-mini', right: 0 }, { right: 1 }] });
      const { response } = await scene.ask('judged');
      assert.equal(header(response), 'escalated; why=confidence; confidence=0.00');
      assert.deepEqual(scene.models(), ['gpt-4.1-nano', 'gpt-4o-mini', 'gpt-4.1']);
      await scene.entries(response, 3);
      const down = { provider: 'openai', model: 'gpt-4o-mini', kind: 'outage', status: 503 };
      scene.gateway.simulator.setFaults({ ...sure, faults: [down] });
      const alone = await scene.ask('judged');
      assert.equal(header(alone.response), 'escalated; why=unreadable');
    });

    test('what a judge need not see, without asking it', async () => {
      const schema = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };
      const format = { type: 'json_schema', json_schema: { name: 'a', schema } };
      const { response } = await scene.ask('judged', { response_format: format });
      assert.equal(header(response), 'escalated; why=schema');
      assert.deepEqual(scene.models(), ['gpt-4.1-nano', 'gpt-4.1']);
    });
  });

  describe('when the strong chain fails', () => {
    beforeEach(() => scene.gateway.simulator.setFaults({ ...unsure, faults: strongDown }));

    test('gives the cheap answer, whole or streamed, and says so', async () => {
      const { data, response } = await scene.ask('probable');
      assert.ok(['sales', 'other'].includes(data.choices[0]?.message.content ?? ''));
      assert.match(header(response) ?? '', /^kept; why=confidence; confidence=0.00$/);
      const { said, response: second } = await scene.streamed('field', { response_format: json });
      assert.match(said, /sales|other/);
      assert.match(header(second) ?? '', /^kept; why=confidence/);
    });

    test('gives no answer that was cut short or has not its form', async () => {
      const schema = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };
      const format = { type: 'json_schema', json_schema: { name: 'a', schema } };
      await assert.rejects(scene.ask('field', { response_format: format }), { status: 503 });
    });

    test('and the cheap one has failed too, tells the strong one’s error', async () => {
      scene.gateway.simulator.setFaults({ ...unsure, faults: [nanoDown, ...strongDown] });
      await assert.rejects(scene.ask('probable'), { status: 503 });
    });
  });

  test('a caller’s own mistake is told at once, and nobody else is asked', async () => {
    scene.gateway.simulator.setFaults({ ...sure, faults: [{ ...nanoDown, kind: 'refuse-shape' }] });
    await assert.rejects(scene.ask('field'), { status: 400 });
    assert.deepEqual(scene.models(), ['gpt-4.1-nano']);
  });

  test('a budget holds for every call of it', async () => {
    await assert.rejects(scene.ask('poor'), { status: 402 });
    assert.deepEqual(scene.models(), []);
  });

  test('a caller that hangs up ends every call', async () => {
    scene.gateway.simulator.setFaults({
      ...sure,
      faults: [{ provider: 'openai', kind: 'slow', delay_ms: 5_000 }],
    });
    const aborting = new AbortController();
    const hanging = scene.openai.chat.completions.create(
      { model: 'agree', messages: question() },
      { signal: aborting.signal },
    );
    await until(
      () => Promise.resolve(scene.gateway.simulator.log.list()),
      (list) => list.length === 2,
    );
    aborting.abort();
    await assert.rejects(hanging);
    const list = await until(
      () => Promise.resolve(scene.gateway.simulator.log.list()),
      (arrivals) => arrivals.every(({ aborted }) => aborted),
    );
    assert.equal(list.length, 2);
  });

  test('calls of tools are compared by name and arguments', async () => {
    const tool = (name: string) => ({
      type: 'function',
      function: {
        name,
        parameters: {
          type: 'object',
          properties: { on: { type: 'string', enum: ['always'] } },
          required: ['on'],
        },
      },
    });
    const { data, response } = await scene.ask('agree', { tools: [tool('look_up')] });
    assert.equal(data.choices[0]?.message.tool_calls?.length, 1);
    assert.equal(header(response), 'accepted; confidence=1.00');
    const unread = await scene.ask('field', { tools: [tool('look_up')] });
    assert.match(header(unread.response) ?? '', /^escalated; why=unreadable/);
  });

  test('embeddings and counts go their usual way', async () => {
    const counted = await scene.anthropic.messages.countTokens({ model: 'field', messages: question() });
    assert.ok(counted.input_tokens > 0);
  });
});

/** Requests that wait, from the desk through a worker to an answer: a whole gateway beside a simulator, on real sockets. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { closeScenes, contentOf, plain, start } from './support/queue-scene.ts';

afterEach(closeScenes);

describe('a request that waits', () => {
  test('is answered as a sync call would have been, and paid once', async () => {
    const scene = await start(plain);
    await scene.add('areq_1', '[[echo]] [[note:one]] hello');
    const request = await scene.ended('areq_1');
    assert.equal(request.state, 'answered', request.answer?.body);
    assert.equal(request.answer?.status, 200);
    assert.match(contentOf(request), /hello/);
    assert.equal(request.answer?.headers['x-intermodal-target'], 'openai/gpt-4.1-mini');
    assert.equal(request.answer?.headers['x-intermodal-request-id'], 'areq_1');
    assert.ok(request.costNanoUsd > 0);
    const entries = await scene.booked('areq_1');
    assert.equal(entries.length, 1);
    assert.equal(entries[0]?.costNanoUsd, request.costNanoUsd);
    assert.equal(await scene.paid('one'), 1);
    assert.deepEqual(scene.gateway.complaints, []);
  });

  test('is answered in its own dialect by whoever serves it', async () => {
    const scene = await start('routes: { ask: { chain: [anthropic/claude-haiku-4-5-20251001] } }');
    await scene.add('areq_1', '[[echo]] hello');
    const first = await scene.ended('areq_1');
    assert.match(contentOf(first), /hello/);
    const body = Buffer.from(
      JSON.stringify({
        model: 'ask',
        max_tokens: 50,
        messages: [{ role: 'user', content: '[[echo]] there' }],
      }),
    );
    await scene.add('areq_2', '', { dialect: 'anthropic-messages', body });
    const second = await scene.ended('areq_2');
    assert.match(second.answer?.body ?? '', /"type":"message".*there/);
  });

  test('that asked for a stream gets a whole answer', async () => {
    const scene = await start(plain);
    const messages = [{ role: 'user', content: '[[echo]] hello' }];
    const body = Buffer.from(
      JSON.stringify({ model: 'ask', messages, stream: true, stream_options: { include_usage: true } }),
    );
    await scene.add('areq_1', '', { body });
    assert.match(contentOf(await scene.ended('areq_1')), /hello/);
  });

  test('may be an embedding', async () => {
    const scene = await start('routes: { ask: { chain: [openai/text-embedding-3-small] } }');
    const body = Buffer.from(JSON.stringify({ model: 'ask', input: 'hello' }));
    await scene.add('areq_1', '', { dialect: 'openai-embeddings', operation: 'embedding', body });
    const { answer } = await scene.ended('areq_1');
    assert.match(answer?.body ?? '', /"embedding":/);
  });

  test('is refused in the words of its dialect where it never could be served', async () => {
    const scene = await start(plain);
    await scene.add('areq_1', 'x', { model: 'asl', route: 'asl' });
    const one = await scene.ended('areq_1');
    assert.equal(one.state, 'failed');
    assert.equal(one.answer?.status, 404);
    assert.match(one.answer?.body ?? '', /"code":"model_not_found"/);
    assert.match(one.answer?.body ?? '', /Did you mean/);
    await scene.add('areq_2', 'x', { owner: 'gone' });
    const two = await scene.until('it has failed', async () => {
      const request = await scene.stores.queue.get('gone', 'areq_2');
      return request?.state === 'failed' && request;
    });
    assert.equal(two.answer?.status, 403);
  });

  test('goes to the flex tier first, and on where that has no room', async () => {
    const faults = { faults: [{ provider: 'openai', kind: 'flex-full', times: 1 }] };
    const scene = await start('routes: { ask: { chain: [openai/gpt-5-mini] } }', { faults });
    const far = { deadlineAtMs: Date.now() + 86_400_000 };
    await scene.add('areq_1', '[[echo]] one', far);
    const first = await scene.ended('areq_1');
    assert.equal(first.answer?.headers['x-intermodal-target'], 'openai/gpt-5-mini', first.answer?.body);
    await scene.add('areq_2', '[[echo]] two', far);
    const target = (): Promise<string | undefined> =>
      scene.ended('areq_2').then(({ answer }) => answer?.headers['x-intermodal-target']);
    assert.equal(await target(), 'openai/gpt-5-mini@flex');
    await scene.add('areq_3', '[[echo]] three', { deadlineAtMs: Date.now() + 60_000 });
    assert.equal((await scene.ended('areq_3')).answer?.headers['x-intermodal-target'], 'openai/gpt-5-mini');
  });

  const cheap = 'openai/gpt-4.1-nano';
  const strong = 'anthropic/claude-haiku-4-5-20251001';
  const cascade = (terms: string): string =>
    `routes: { ask: { chain: [${cheap}], cascade: { ${terms}, escalate: ${strong}, audit: 0% } } }`;

  test('of a cascade is answered by the cheap model where it is sure, and by the strong one where not', async () => {
    const scene = await start(cascade('accept: { confidence: 0.8 }'));
    await scene.add('areq_sure', '[[echo]] {"label":"a","confidence":0.93}');
    await scene.add('areq_unsure', '[[echo]] {"label":"a","confidence":0.31}');
    const sure = (await scene.ended('areq_sure')).answer?.headers ?? {};
    assert.equal(sure['x-intermodal-target'], cheap);
    assert.equal(sure['x-intermodal-cascade'], 'accepted; confidence=0.93');
    const unsure = await scene.ended('areq_unsure');
    assert.equal(unsure.answer?.headers['x-intermodal-target'], strong, unsure.answer?.body);
    assert.equal(
      unsure.answer?.headers['x-intermodal-cascade'],
      'escalated; why=confidence; confidence=0.31',
    );
    const entries = await scene.booked('areq_unsure');
    assert.deepEqual(
      entries.map(({ outcome }) => outcome),
      ['served', 'served'],
    );
    assert.equal(
      entries.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0),
      unsure.costNanoUsd,
    );
  });

  test('of a cascade asks others whether they say the same', async () => {
    const scene = await start(cascade('confidence: { from: agreement, with: second/gpt-4.1-mini }'));
    await scene.add('areq_1', '[[echo]] spam');
    const { answer } = await scene.ended('areq_1');
    assert.equal(answer?.headers['x-intermodal-cascade'], 'accepted; confidence=1.00', answer?.body);
    assert.equal((await scene.booked('areq_1')).length, 2);
  });

  test('of a cascade keeps the cheap answer where the strong model is down, and says so', async () => {
    const faults = { faults: [{ provider: 'anthropic', kind: 'auth' }] };
    const scene = await start(cascade('accept: { confidence: 0.8 }'), { faults });
    await scene.add('areq_1', '[[echo]] {"label":"a","confidence":0.5}');
    const { answer } = await scene.ended('areq_1');
    assert.equal(answer?.headers['x-intermodal-target'], cheap, answer?.body);
    assert.equal(answer?.headers['x-intermodal-cascade'], 'kept; why=confidence; confidence=0.50');
  });

  test('of a cascade that no worker can judge is asked of the strong model', async () => {
    const scene = await start(cascade(`confidence: { from: judge, by: ${cheap} }`));
    await scene.add('areq_1', '[[echo]] hello');
    const target = (await scene.ended('areq_1')).answer?.headers['x-intermodal-target'];
    assert.equal(target, strong);
  });

  test('is called by a target that is a queue’s, and by no batch API', async () => {
    const chain = 'chain: [openai/gpt-4.1-mini@batch, openai/gpt-4.1-nano@queue]';
    const scene = await start(`routes: { ask: { ${chain} } }`);
    await scene.add('areq_1', '[[echo]] hello');
    const { answer } = await scene.ended('areq_1');
    assert.equal(answer?.headers['x-intermodal-target'], 'openai/gpt-4.1-nano@queue', answer?.body);
    assert.equal((await scene.booked('areq_1'))[0]?.mode, 'queue');
  });
});

describe('a request that is not answered at once', () => {
  test('is called again after what may pass, and says how often', async () => {
    const faults = { faults: [{ kind: 'outage', times: 2 }] };
    const scene = await start(plain, { faults });
    await scene.add('areq_1', '[[echo]] [[note:again]] hello');
    const request = await scene.ended('areq_1');
    assert.equal(request.state, 'answered');
    assert.equal(request.tries, 3);
    assert.equal(await scene.paid('again'), 1);
    const entries = await scene.booked('areq_1');
    assert.deepEqual(entries.map(({ outcome }) => outcome).toSorted(), ['failed', 'failed', 'served']);
  });

  test('goes on to the next of its chain', async () => {
    const faults = { faults: [{ provider: 'openai', kind: 'outage' }] };
    const scene = await start('routes: { ask: { chain: [openai/gpt-4.1-mini, second/gpt-4.1-mini] } }', {
      faults,
    });
    await scene.add('areq_1', '[[echo]] hello');
    const { answer, tries } = await scene.ended('areq_1');
    assert.equal(tries, 1);
    assert.equal(answer?.headers['x-intermodal-target'], 'second/gpt-4.1-mini');
    assert.equal(answer?.headers['x-intermodal-attempts'], '2');
  });

  test('fails with the provider’s error where no time is left for another call', async () => {
    const scene = await start(plain, { faults: { faults: [{ kind: 'outage' }] } });
    await scene.add('areq_1', 'hello', { deadlineAtMs: Date.now() + 3_000 });
    const { state, answer } = await scene.ended('areq_1');
    assert.equal(state, 'failed');
    assert.equal(answer?.status, 502);
    assert.match(answer?.body ?? '', /"error":/);
  });

  test('fails at once where it is the caller’s mistake, or its answer may not be bought elsewhere', async () => {
    const scene = await start(plain, { faults: { faults: [{ kind: 'content-filter', times: 1 }] } });
    await scene.add('areq_1', 'hello');
    const { state, answer, tries } = await scene.ended('areq_1');
    assert.deepEqual([state, answer?.status, tries], ['failed', 400, 1]);
  });

  test('ends at its deadline though nobody could call it', async () => {
    const scene = await start(`${plain}\nwaiting: { workers: 1 }`, { faults: { think_ms: 3_000 } });
    await scene.add('areq_1', 'takes the only worker');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.add('areq_2', 'has no time', { deadlineAtMs: Date.now() + 300 });
    const { state, answer, tries, endedAtMs = 0, deadlineAtMs } = await scene.ended('areq_2');
    assert.deepEqual([state, answer?.status], ['failed', 504]);
    assert.match(answer?.body ?? '', /deadline_exceeded/);
    assert.ok(tries <= 1 && endedAtMs - deadlineAtMs < 2_000, `${endedAtMs - deadlineAtMs} ms late`);
    assert.equal((await scene.entries('areq_2')).length, 0);
  });

  test('is cut at its deadline, and the books say what was begun', async () => {
    const scene = await start(plain, { faults: { faults: [{ kind: 'silence' }] } });
    await scene.add('areq_1', 'hello', { deadlineAtMs: Date.now() + 700 });
    const { state, answer } = await scene.ended('areq_1');
    assert.deepEqual([state, answer?.status], ['failed', 504]);
    assert.match(answer?.body ?? '', /deadline/);
    assert.equal((await scene.booked('areq_1')).length, 1);
  });

  test('is asked once more for the form that it must have, and no more', async () => {
    const schema = { type: 'object', properties: { first: { type: 'string' } }, required: ['first'] };
    const scene = await start(plain);
    const format = { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } };
    const messages = [{ role: 'user', content: '[[note:form]] hello' }];
    const good = { model: 'ask', messages, response_format: format };
    await scene.add('areq_1', '', { body: Buffer.from(JSON.stringify(good)) });
    assert.equal((await scene.ended('areq_1')).state, 'answered');
    // Too short to end its JSON.
    const cut = { ...good, max_tokens: 1 };
    await scene.add('areq_2', '', { body: Buffer.from(JSON.stringify(cut)) });
    const { state, answer, tries } = await scene.ended('areq_2');
    assert.deepEqual([state, answer?.status, tries], ['failed', 502, 2], answer?.body);
    assert.match(answer?.body ?? '', /upstream_malformed/);
  });
});

/** What nobody should send by the other ways in, inline, as Anthropic's batches and as jobs: refused as a whole with its place, or told one by one. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type BadInput, bodyOf, endpoint, lineOf, startBadInput } from './support/bad-input.ts';
import { until } from './support/batch-road.ts';

let scene: BadInput;
before(async () => {
  scene = await startBadInput();
});
after(() => scene.close());
beforeEach(() => scene.forget());

describe('other ways in', () => {
  test('requests inline are told one by one, as lines are', async () => {
    const requests = [lineOf('a'), lineOf('b16', { method: 'GET' }), '{}', lineOf('a'), lineOf('d')];
    const body = `{"endpoint":"${endpoint}","completion_window":"24h","requests":[${requests.join(',\n')}]}`;
    const answer = await fetch(`${scene.gateway.url}/v1/batches`, { method: 'POST', body });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const { problems, answered, sent } = await scene.cameOf(JSON.parse(text));
    assert.deepEqual(answered, ['a', 'd']);
    assert.deepEqual(
      problems.map(({ line }) => line),
      [2, 3, 4],
    );
    assert.equal(sent, 2);
  });

  const post = async (path: string, body: string) => {
    const answer = await fetch(`${scene.gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    return { status: answer.status, text: await answer.text() };
  };

  test('an endpoint that there is no batch of is refused at once', async () => {
    const input_file_id = await scene.upload([lineOf('a')]);
    for (const wrong of ['/v1/responses', '/v1/images', 'chat', '', 7]) {
      const body = JSON.stringify({ input_file_id, endpoint: wrong, completion_window: '24h' });
      const { status, text } = await post('/v1/batches', body);
      assert.equal(status, 400, text);
      assert.match(text, /it may be \/v1\/chat\/completions or \/v1\/embeddings/);
    }
  });

  const element = (id: unknown, params: object = bodyOf('hi', { max_tokens: 9 })) =>
    JSON.stringify({ custom_id: id, params });

  test('what Anthropic refuses as a whole is refused as a whole, with its place', async () => {
    for (const [second, message] of [
      [element('a'), /requests\.1\.custom_id: .*earlier request/],
      [element('a b'), /requests\.1\.custom_id: .*must match/],
      [element('x'.repeat(65)), /requests\.1\.custom_id/],
      ['7', /requests\.1: /],
      ['{"custom_id":"b"}', /requests\.1\.params: "params\\?" is missing|requests\.1\.params/],
      [element('b').replace('{', '{"extra":1,'), /requests\.1\.extra/],
      ['{"custom_id":"b","params":{', /JSON/],
    ] as const) {
      const { status, text } = await post('/v1/messages/batches', `{"requests":[${element('a')},${second}]}`);
      assert.equal(status, 400, text);
      assert.match(text, message);
    }
    assert.equal(scene.gateway.simulator.invoice(0).calls, 0);
  });

  test('what is wrong with one message is told in its result', async () => {
    const requests = [
      element('a'),
      element('b', { model: 'no-such' }),
      element('c', bodyOf('x', { stream: true, max_tokens: 9 })),
    ];
    const { text } = await post('/v1/messages/batches', `{"requests":[${requests.join(',')}]}`);
    const { id } = JSON.parse(text);
    const url = `${scene.gateway.url}/v1/messages/batches/${id}`;
    await until(
      async () => JSON.parse(await (await fetch(url)).text()),
      (batch: { processing_status: string }) => batch.processing_status === 'ended',
    );
    const results = (await (await fetch(`${url}/results`)).text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      results.map(({ custom_id, result, intermodal }) => [custom_id, result.type, intermodal.line]),
      [
        ['a', 'succeeded', undefined],
        ['b', 'errored', 2],
        ['c', 'errored', 3],
      ],
    );
    assert.equal(scene.gateway.simulator.invoice(0).calls, 1);
  });

  test('a job is refused as a whole, with the place', async () => {
    const good = { id: 'a', content: 'hi' };
    for (const [items, message] of [
      [[], /"items\\" is empty/],
      [[good, good], /items\[1\]\.id.*earlier item/],
      [[good, { id: 7, content: 'x' }], /items\[1\]\.id.*must be a string/],
      [[good, { id: 'b' }], /items\[1\]\.content.*missing/],
      [[good, 'b'], /items\[1\].*must be an object/],
    ] as const) {
      const { status, text } = await post('/v1/batch/jobs', JSON.stringify({ model: 'chat', items }));
      assert.equal(status, 400, text);
      assert.match(text, message);
    }
    const broken = await post('/v1/batch/jobs', '{"model":"chat","items":[');
    assert.match(broken.text, /not valid JSON/);
  });
});

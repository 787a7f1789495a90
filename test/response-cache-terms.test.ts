/** Who may be given a kept answer, and which answers are never kept, on the whole road. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asker, type CacheGateway, fresh, startCacheGateway } from './support/cache-gateway.ts';

describe('the terms of the response cache', () => {
  let scene: CacheGateway;
  before(async () => {
    scene = await startCacheGateway();
  });
  after(() => scene.close());
  beforeEach(() => scene.gateway.simulator.setFaults({}));

  describe('what makes two requests the same', () => {
    test('spelling, and what does not change an answer, do not count', async () => {
      const question = fresh();
      await scene.chat('kept', question, { temperature: 0.5, user: 'a', metadata: { run: '1' } });
      const again = await scene.chat('kept', question, {
        metadata: { run: '2' },
        user: 'b',
        temperature: 5e-1,
      });
      assert.match(again.note ?? '', /^hit/);
    });

    test('anything else does', async () => {
      const question = fresh();
      await scene.chat('kept', question, { temperature: 0.5 });
      for (const body of [
        { temperature: 0.6 },
        {},
        { temperature: 0.5, max_tokens: 5 },
        { temperature: 0.5, future: 1 },
      ])
        assert.equal((await scene.chat('kept', question, body)).note, 'miss', JSON.stringify(body));
      assert.equal(
        (await scene.chat('shared', question, { temperature: 0.5 })).note,
        'miss',
        'another route',
      );
    });
  });

  describe('who shares', () => {
    const sharing = async (model: string, as: Asker): Promise<boolean> => {
      const question = fresh();
      await scene.chat(model, question, { as: 'one' });
      return (await scene.chat(model, question, { as })).note?.startsWith('hit') === true;
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
      await scene.chat('kept', question);
      const before = scene.calls();
      assert.equal((await scene.chat('kept', question, control('no-cache'))).note, 'bypass');
      assert.equal(scene.calls(), before + 1);
      assert.match((await scene.chat('kept', question)).note ?? '', /^hit/);
    });
    test('no-store: nothing is kept', async () => {
      const question = fresh();
      assert.equal((await scene.chat('kept', question, control('no-store'))).note, 'miss');
      assert.equal((await scene.chat('kept', question)).note, 'miss');
      assert.match((await scene.chat('kept', question, control('private, NO-STORE'))).note ?? '', /^hit/);
    });
    test('max-age: nothing older', async () => {
      const question = fresh();
      await scene.chat('kept', question);
      assert.match((await scene.chat('kept', question, control('max-age=600'))).note ?? '', /^hit/);
      await sleep(20);
      assert.equal((await scene.chat('kept', question, control('max-age=0'))).note, 'miss');
    });
  });

  test('what is too old is asked for again', async () => {
    const question = fresh();
    await scene.chat('brief', question);
    assert.match((await scene.chat('brief', question)).note ?? '', /^hit/);
    await sleep(1_050);
    assert.equal((await scene.chat('brief', question)).note, 'miss');
  });

  describe('what is never kept', () => {
    const twice = async (
      faults: readonly object[],
      content = fresh(),
      body: Readonly<Record<string, unknown>> = {},
    ): Promise<string | null> => {
      scene.gateway.simulator.setFaults({ faults });
      await scene.chat('brief', content, body).catch(() => undefined);
      scene.gateway.simulator.setFaults({});
      await scene.ready();
      return (await scene.chat('brief', content, body)).note;
    };
    test('errors', async () => assert.equal(await twice([{ kind: 'outage', times: 1 }]), 'miss'));
    test('answers that broke off', async () =>
      assert.equal(await twice([{ kind: 'cut', times: 1 }]), 'miss'));
    test('answers cut by a limit', async () =>
      assert.equal(await twice([], fresh(), { max_tokens: 3 }), 'miss'));
    test('refusals', async () => assert.equal(await twice([], `[[refuse]] ${fresh()}`), 'miss'));
    test('streams that broke off', async () => {
      const question = fresh();
      scene.gateway.simulator.setFaults({ faults: [{ kind: 'cut', after: 4, times: 1 }] });
      await assert.rejects(scene.stream('brief', question));
      scene.gateway.simulator.setFaults({});
      await scene.ready();
      assert.equal((await scene.stream('brief', question)).note, 'miss');
    });
  });

  test('an answer of a fallback is not given for the first target', async () => {
    const question = fresh();
    scene.gateway.simulator.setFaults({ faults: [{ provider: 'openai', kind: 'outage', times: 1 }] });
    const first = await scene.chat('kept', question);
    assert.equal(first.headers.get('x-intermodal-target'), 'anthropic/claude-haiku-4-5');
    const second = await scene.chat('kept', question);
    assert.equal(second.note, 'miss');
    assert.equal(second.headers.get('x-intermodal-target'), 'openai/gpt-4.1-nano');
  });

  test('an answer of an older version of the model is not given', async () => {
    const question = fresh();
    await scene.chat('shared', question);
    const route = scene.gateway.world.policy().find('shared');
    const target = route?.chain[0]?.options[0]?.target;
    assert.ok(target !== undefined && route?.cache !== undefined);
    // Another request of the route was answered by a newer one meanwhile.
    const newer = { form: 'whole' as const, bytes: Buffer.from('{}'), model: 'gpt-4.1-nano-2027' };
    scene.gateway.world.answers.keep('another', target, newer, route.cache);
    assert.equal((await scene.chat('shared', question)).note, 'miss');
    assert.match((await scene.chat('shared', question)).note ?? '', /^hit/);
  });

  test('a spent budget refuses new answers, and not those that cost nothing', async () => {
    const question = fresh();
    await scene.chat('poor', question, { max_tokens: 30_000 });
    const refused = scene.chat('poor', fresh(), { max_tokens: 30_500 });
    await assert.rejects(refused, { status: 402 });
    assert.match((await scene.chat('poor', question, { max_tokens: 30_000 })).note ?? '', /^hit/);
  });

  test('the limits of a key count answers that were kept', async () => {
    const question = fresh();
    const asked = () => scene.chat('kept', question, { as: 'slow' });
    assert.equal((await asked()).note, 'miss');
    for (const _ of [1, 2]) assert.match((await asked()).note ?? '', /^hit/);
    await assert.rejects(asked(), { status: 429 });
  });

  test('the metrics tell hits, misses, and how much is kept', async () => {
    const text = await (await fetch(`${scene.gateway.url}/metrics`)).text();
    assert.match(text, /intermodal_cache_requests_total\{route="kept",outcome="hit"\} [1-9]/);
    assert.match(text, /intermodal_cache_requests_total\{route="kept",outcome="miss"\} [1-9]/);
    assert.match(text, /intermodal_cache_requests_total\{route="kept",outcome="bypass"\} [1-9]/);
    assert.match(text, /intermodal_cache_stored_bytes_total\{route="kept"\} [1-9]/);
    assert.match(text, /intermodal_cache_bytes [1-9]/);
    assert.ok(!text.includes('route="plain",outcome'));
  });
});

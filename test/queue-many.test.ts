/** Many requests that wait: what is called once for all, in which order, and within which limits and budgets. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { openStores } from '../src/stores/open.ts';
import { addKey } from './support/keys.ts';
import { closeScenes, contentOf, plain, start } from './support/queue-scene.ts';

afterEach(closeScenes);

describe('many requests that wait', () => {
  test('that are the same are called once, and each is answered', async () => {
    const scene = await start(plain, { faults: { think_ms: 300 } });
    await Promise.all(['a', 'b', 'c'].map((id) => scene.add(`areq_${id}`, '[[echo]] [[note:same]] hello')));
    // Another owner’s answer is another’s.
    await scene.add('areq_d', '[[echo]] [[note:same]] hello', { tags: ['other'] });
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((id) => scene.ended(`areq_${id}`)));
    for (const request of all) assert.match(contentOf(request), /hello/);
    assert.equal(await scene.paid('same'), 1);
    assert.equal(all.filter(({ costNanoUsd }) => costNanoUsd > 0).length, 1);
    const twins = all.filter(({ answer }) => answer?.headers['x-intermodal-twin-of'] !== undefined);
    assert.equal(twins.length, 3);
    for (const { answer } of twins) assert.equal(answer?.headers['x-intermodal-cost'], '0.000000000');
  });

  test('are answered by what was answered before, where their route keeps answers', async () => {
    const scene = await start('routes: { ask: { chain: [openai/gpt-4.1-mini], cache: { for: 10m } } }');
    await scene.add('areq_a', '[[note:kept]] hello');
    const first = await scene.ended('areq_a');
    await scene.booked('areq_a');
    await scene.add('areq_b', '[[note:kept]] hello');
    const second = await scene.ended('areq_b');
    assert.equal(contentOf(second), contentOf(first));
    assert.match(second.answer?.headers['x-intermodal-cache'] ?? '', /^hit; age=\d+$/);
    assert.equal(second.answer?.headers['x-intermodal-cost'], '0.000000000');
    assert.equal(second.costNanoUsd, 0);
    assert.equal(await scene.paid('kept'), 1);
    const [entry] = await scene.booked('areq_b');
    assert.deepEqual([entry?.outcome, entry?.costNanoUsd], ['served', 0]);
    assert.ok((entry?.listNanoUsd ?? 0) > 0);
    await scene.add('areq_c', '[[note:kept]] hello', { headers: { 'cache-control': 'no-cache' } });
    assert.ok((await scene.ended('areq_c')).costNanoUsd > 0);
  });

  test('are answered by what was answered to their own key alone', async () => {
    const stores = await openStores(':memory:');
    for (const name of ['one', 'two']) await addKey(stores, name);
    const scene = await start('routes: { ask: { chain: [openai/gpt-4.1-mini], cache: { for: 10m } } }', {
      stores,
    });
    await scene.add('areq_a', '[[note:mine]] hello', { owner: 'one' });
    await scene.ended('areq_a', 'one');
    await scene.add('areq_b', '[[note:mine]] hello', { owner: 'two' });
    const other = await scene.ended('areq_b', 'two');
    assert.ok(other.costNanoUsd > 0);
    assert.equal(other.answer?.headers['x-intermodal-cache'], undefined);
    await scene.add('areq_c', '[[note:mine]] hello', { owner: 'one' });
    assert.equal((await scene.ended('areq_c', 'one')).costNanoUsd, 0);
    assert.equal(await scene.paid('mine'), 2);
  });

  test('wait for their own turn where the call that they joined brought nothing', async () => {
    const faults = { think_ms: 200, faults: [{ kind: 'content-filter', times: 1 }] };
    const scene = await start(plain, { faults });
    await Promise.all(['a', 'b'].map((id) => scene.add(`areq_${id}`, '[[echo]] hello')));
    const states = await Promise.all(['a', 'b'].map((id) => scene.ended(`areq_${id}`)));
    assert.deepEqual(states.map(({ state }) => state).toSorted(), ['answered', 'failed']);
  });

  test('are called by lane and age, one after another', async () => {
    const order: string[] = [];
    const scene = await start(`${plain}\nwaiting: { workers: 1, lanes: { normal: 5s, low: 20s } }`, {
      faults: { think_ms: 400 },
    });
    await scene.add('areq_first', 'takes the only worker');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    const nowMs = Date.now();
    const agedBy = (ms: number) => ({ createdAtMs: nowMs - ms });
    await scene.add('areq_low', 'a', { priority: 'low' });
    await scene.add('areq_normal', 'b', { priority: 'normal' });
    await scene.add('areq_high', 'c', { priority: 'high' });
    await scene.add('areq_aged', 'd', { priority: 'low', ...agedBy(30_000) });
    const names = ['low', 'normal', 'high', 'aged'];
    const ended = await Promise.all(names.map((name) => scene.ended(`areq_${name}`)));
    const sorted = ended.toSorted((one, other) => (one.endedAtMs ?? 0) - (other.endedAtMs ?? 0));
    for (const { id } of sorted) order.push(id.slice(5));
    assert.deepEqual(order, ['aged', 'high', 'normal', 'low']);
  });

  test('leave to others what limits keep for them, and meet no provider’s limit', async () => {
    const limits = '{ rpm: 600, concurrent: 10, burst: 10% }';
    const scene = await start(
      `limits: { "openai/gpt-4.1-mini": ${limits} }\n${plain}\nwaiting: { workers: 64 }`,
      { faults: { think_ms: 100, limits: [{ provider: 'openai', rpm: 600, concurrent: 10 }] } },
    );
    let most = 0;
    const ids = Array.from({ length: 60 }, (_, index) => `areq_${index}`);
    await Promise.all(ids.map((id) => scene.add(id, `[[echo]] ${id}`)));
    await scene.until('all have ended', async () => {
      most = Math.max(most, scene.gateway.queue.served.health().calling);
      const ended = await Promise.all(ids.map((id) => scene.stores.queue.get('', id)));
      return ended.every((one) => one?.endedAtMs !== undefined);
    });
    for (const id of ids) assert.equal((await scene.ended(id)).state, 'answered');
    assert.ok(most <= 7, `${most} of 10 places were taken by what can wait`);
    const response = await fetch(`${scene.gateway.simulator.url}/~simulator/limits`);
    assert.match(await response.text(), /"violations":0/);
    // What waited for room counts as no try.
    for (const id of ids) assert.equal((await scene.ended(id)).tries, 1);
  });

  test('of a route without room do not hold up another’s', async () => {
    const scene = await start(
      `limits: { "openai/gpt-4.1-mini": { rpm: 1 } }\nroutes: { ask: { chain: [openai/gpt-4.1-mini] }, free: { chain: [second/gpt-4.1-mini] } }\nwaiting: { workers: 4 }`,
    );
    for (let index = 0; index < 40; index++) await scene.add(`areq_full${index}`, `full ${index}`);
    await scene.add('areq_free', '[[echo]] free', { model: 'free', route: 'free' });
    const { state, createdAtMs, endedAtMs = 0 } = await scene.ended('areq_free');
    assert.equal(state, 'answered');
    assert.ok(endedAtMs - createdAtMs < 10_000);
  });

  test('spend no more than a budget has', async () => {
    const scene = await start(
      `${plain}\nbudgets: [{ scope: route, route: ask, daily: $0.0005 }]\nwaiting: { workers: 16 }`,
      { faults: { think_ms: 20 } },
    );
    const ids = Array.from({ length: 40 }, (_, index) => `areq_${index}`);
    await Promise.all(
      ids.map((id) => scene.add(id, `[[tokens:20]] ${id}`, { deadlineAtMs: Date.now() + 8_000 })),
    );
    const all = await Promise.all(ids.map((id) => scene.ended(id)));
    const spent = all.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
    assert.ok(spent <= 500_000, `${spent} nano-dollars of 500,000`);
    const failed = all.filter(({ state }) => state === 'failed');
    assert.ok(failed.length > 0 && failed.length < ids.length);
    for (const { answer } of failed)
      assert.ok(answer?.status === 402 || answer?.status === 504, answer?.body);
  });
});

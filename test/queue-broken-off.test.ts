/** Calls of requests that wait, broken off: by their callers, by a gateway that stops, by a worker that another has taken the place of. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { closeScenes, plain, type Scene, start } from './support/queue-scene.ts';

afterEach(closeScenes);

describe('a request that its caller cancels', () => {
  test('while it waits costs nothing', async () => {
    const scene = await start(`${plain}\nwaiting: { workers: 1 }`, { faults: { think_ms: 500 } });
    await scene.add('areq_1', 'takes the only worker');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.add('areq_2', '[[note:never]] hello');
    assert.equal((await scene.gateway.queue.desk.cancel('', 'areq_2')).state, 'cancelled');
    assert.equal((await scene.gateway.queue.desk.cancel('', 'areq_2')).state, 'cancelled');
    await scene.ended('areq_1');
    await assert.rejects(scene.gateway.queue.desk.cancel('', 'areq_1'), { code: 'conflict' });
    await assert.rejects(scene.gateway.queue.desk.cancel('', 'areq_9'), { code: 'not_found' });
    assert.equal(await scene.paid('never'), 0);
  });

  test('while it is called is cut, and the books say so', async () => {
    const scene = await start(plain, { faults: { think_ms: 30_000 } });
    await scene.add('areq_1', 'hello');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.gateway.queue.desk.cancel('', 'areq_1');
    const [entry] = await scene.booked('areq_1');
    assert.equal(entry?.outcome, 'client-closed');
    const request = await scene.stores.queue.get('', 'areq_1');
    assert.deepEqual([request?.state, request?.answer], ['cancelled', undefined]);
    await scene.until('the hands are empty', async () => scene.gateway.queue.served.health().calling === 0);
  });
});

describe('a gateway that stops', () => {
  test('lets calls end, lets go of what waits, and leaves nothing held', async () => {
    const scene = await start(`${plain}\nlimits: { "openai/gpt-4.1-mini": { concurrent: 3 } }`, {
      faults: { think_ms: 700 },
    });
    const ids = Array.from({ length: 12 }, (_, index) => `areq_${index}`);
    await Promise.all(ids.map((id) => scene.add(id, `[[note:${id}]] ${id}`)));
    await scene.until('some are called', async () => scene.gateway.queue.served.health().calling > 0);
    await scene.gateway.queue.close(10_000);
    const states = await Promise.all(ids.map(async (id) => scene.stores.queue.get('', id)));
    const answered = states.filter((one) => one?.state === 'answered');
    assert.ok(answered.length > 0);
    for (const one of states) assert.notEqual(one?.state, 'calling');
    for (const one of answered) assert.equal(await scene.paid(one?.id ?? ''), 1);
    const entries = await scene.stores.ledger.list({}, 100);
    assert.deepEqual(
      entries.filter(({ outcome }) => outcome === 'unknown'),
      [],
    );
  });

  test('cuts what takes longer, and says what is not known of it', async () => {
    const scene = await start(plain, { faults: { think_ms: 60_000 } });
    await scene.add('areq_1', 'hello');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.gateway.queue.close(100);
    const request = await scene.stores.queue.get('', 'areq_1');
    assert.deepEqual([request?.state, request?.tries], ['waiting', 1]);
    const [entry] = await scene.entries('areq_1');
    assert.equal(entry?.outcome, 'client-closed');
  });
});

describe('a worker that another has taken the place of', () => {
  test('writes no answer, and books what it has spent', async () => {
    const scene: { now?: Scene } = {};
    let taken = 0;
    const opened = await start(plain, {
      async at(where) {
        if (where !== 'queue: after the call' || taken > 0) return;
        // As if its lease had ended while it called.
        const { queue } = scene.now?.stores ?? {};
        for (const held of (await queue?.claim(Date.now() + 3_600_000, 1, 1)) ?? []) {
          taken += 1;
          await queue?.release(held, Date.now());
        }
      },
    });
    scene.now = opened;
    await opened.add('areq_1', '[[echo]] [[note:twice]] hello');
    const request = await opened.ended('areq_1');
    assert.equal(taken, 1);
    assert.deepEqual([request.state, request.tries], ['answered', 3]);
    const entries = await opened.until('the books of both', async () => {
      const found = await opened.booked('areq_1');
      return found.length === 2 && found;
    });
    // Both calls were made, and both are told; neither hides the other.
    assert.equal(await opened.paid('twice'), 2);
    for (const entry of entries) assert.equal(entry.outcome, 'served');
    assert.equal(request.costNanoUsd, entries[0]?.costNanoUsd);
  });

  test('that is itself calls no second time', async () => {
    const opened = await start(plain, { faults: { think_ms: 800 } });
    await opened.add('areq_1', '[[echo]] [[note:slow]] hello');
    await opened.until('it is called', async () => opened.gateway.queue.served.health().calling === 1);
    // As if it had been so slow that its lease ran out: its row is there to be claimed, and it claims it.
    const [held] = await opened.stores.queue.claim(Date.now() + 3_600_000, 1, 1);
    assert.ok(held !== undefined && (await opened.stores.queue.release(held, Date.now())));
    opened.gateway.queue.poke();
    const request = await opened.ended('areq_1');
    assert.equal(request.state, 'answered');
    assert.equal(await opened.paid('slow'), 1);
    assert.deepEqual(
      (await opened.booked('areq_1')).map(({ outcome }) => outcome),
      ['served'],
    );
  });

  test('ends its call when it hears of it', async () => {
    const scene = await start(`${plain}\nbatch: { lease: 1s }`, { faults: { think_ms: 5_000 } });
    await scene.add('areq_1', 'hello');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.stores.queue.cancel('', 'areq_1', Date.now());
    await scene.until('the call is cut', async () => scene.gateway.queue.served.health().calling === 0);
    assert.equal((await scene.booked('areq_1'))[0]?.outcome, 'client-closed');
  });
});

describe('the books', () => {
  test('say that a call’s cost is unknown, at its most, while it runs', async () => {
    const scene = await start(plain, { faults: { think_ms: 1_000 } });
    await scene.add('areq_1', 'hello');
    const [intent] = await scene.until('the intent', async () => {
      const found = await scene.entries('areq_1');
      return found.length > 0 && found;
    });
    assert.equal(intent?.outcome, 'unknown');
    assert.equal(intent?.exact, false);
    await scene.ended('areq_1');
    const [entry] = await scene.booked('areq_1');
    assert.equal(entry?.id, intent?.id);
    assert.ok((entry?.costNanoUsd ?? 0) < (intent?.costNanoUsd ?? 0));
  });
});

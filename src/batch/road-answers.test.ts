/** Answers that need no call, answers that were given before, and answers whose form is not what was asked for. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { addKey } from '../../test/support/keys.ts';
import { chatLine, jsonForm, type Road, startRoad, targetOf, textOf } from '../../test/support/road.ts';
import { openStores } from '../stores/open.ts';

let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
});

const first = 'openai/gpt-4.1-nano@batch';
const next = 'second/gpt-4.1-mini@batch';
const yaml = `
routes:
  one: { chain: [${first}] }
  two: { chain: [${first}, ${next}] }
`;

async function jobCount(opened: Road): Promise<number> {
  return Object(await opened.control('GET', 'jobs')).jobs.length;
}

describe('an item that needs no call', () => {
  test('is answered by a rule, and costs nothing', async () => {
    road = await startRoad({
      yaml,
      batch: { prefilter: [{ when: { contains: 'unsubscribe' }, answer: 'spam' }] },
    });
    const id = await road.submit([
      chatLine('a', 'one', 'please unsubscribe me'),
      chatLine('b', 'one', '[[echo]] hello'),
    ]);
    const batch = await road.ended(id);
    assert.deepEqual([batch.counts.done, batch.prefiltered], [2, 1]);
    const lines = await road.results(id);
    assert.deepEqual([textOf(lines.get('a')), textOf(lines.get('b'))], ['spam', 'hello']);
    assert.deepEqual(
      ['mode', 'target', 'cost_usd', 'attempts'].map((name) => lines.get('a')?.intermodal[name]),
      ['rule', null, 0, 0],
    );
  });

  test('takes its twin’s answer, and its twin’s failure', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ item_invalid: 100, times: 1 }] } });
    const same = ['a', 'b', 'c'].map((id) => chatLine(id, 'one', '[[echo]] same'));
    const failed = await road.submit(same);
    assert.deepEqual((await road.ended(failed)).counts.failed, 3);
    const id = await road.submit(same);
    const batch = await road.ended(id);
    assert.deepEqual([batch.counts.done, batch.twins], [3, 2]);
    assert.equal((await road.submissions(id))[0]?.items, 1);
    const lines = [...(await road.results(id)).values()];
    assert.deepEqual(lines.map(textOf), ['same', 'same', 'same']);
    assert.equal(lines.filter(({ intermodal }) => Number(intermodal['cost_usd']) > 0).length, 1);
  });
});

describe('an answer that was given before', () => {
  const ask = (opened: Road, key: string, reuse?: string) =>
    opened.submit([chatLine('a', 'one', '[[echo]] again')], {
      headers: {
        authorization: `Bearer ${key}`,
        ...(reuse === undefined ? {} : { 'x-intermodal-reuse': reuse }),
      },
    });

  test('is given again to the same owner within its age, and to nobody else', async () => {
    const stores = await openStores(':memory:');
    const [mine, other] = [await addKey(stores, 'mine'), await addKey(stores, 'other')];
    road = await startRoad({ yaml, stores });
    const opened = road;
    const reused = async (id: string): Promise<number> => (await opened.ended(id)).reused;
    assert.equal(await reused(await ask(road, mine, '1h')), 0);
    const id = await ask(road, mine, '1h');
    assert.equal(await reused(id), 1);
    const headers = { authorization: `Bearer ${mine}` };
    const line = (await road.results(id, headers)).get('a');
    assert.equal(textOf(line), 'again');
    assert.equal(line?.intermodal['cost_usd'], 0);
    assert.ok(Number(line?.intermodal['list_cost_usd']) > 0);
    assert.equal(await jobCount(road), 1);
    assert.equal(await reused(await ask(road, mine)), 0, 'who does not ask for it');
    assert.equal(await reused(await ask(road, other, '1h')), 0, 'who has not paid for it');
    const late = await road.row(id);
    await road.until('it has an age', async () => Date.now() > (late.endedAtMs ?? 0) + 1_100);
    assert.equal(await reused(await ask(road, other, '1h')), 1);
    assert.equal(await reused(await ask(road, mine, '1s')), 0, 'what is older than it may be');
  });
});

describe('an answer of the wrong form', () => {
  const asked = (count: number, route: string) =>
    Array.from({ length: count }, (_, index) => chatLine(`c${index}`, route, `parcel ${index}`, jsonForm));

  test('is mended where that can be, asked for once more where not, and all of them are right in the end', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ corrupt: 100, times: 1 }] } });
    const id = await road.submit(asked(30, 'one'));
    const batch = await road.ended(id);
    assert.equal(batch.counts.done, 30);
    assert.ok(batch.repaired > 0 && batch.repaired < 30, `${batch.repaired} were mended`);
    for (const line of (await road.results(id)).values()) {
      const answer = JSON.parse(textOf(line));
      assert.deepEqual(Object.keys(answer), ['topic']);
    }
    const items = await road.items(id);
    assert.ok(items.every(({ strikes }) => strikes === 0));
    assert.equal(items.filter(({ formStrikes }) => formStrikes === 1).length, 30 - batch.repaired);
    assert.equal((await road.submissions(id))[1]?.items, 30 - batch.repaired);
  });

  test('goes to the next target when the second answer is no better', async () => {
    road = await startRoad({
      yaml,
      faults: { batches: [{ provider: 'openai', corrupt: 100, duration_ms: 50 }, { duration_ms: 50 }] },
    });
    const id = await road.submit(asked(30, 'two'));
    assert.equal((await road.ended(id)).counts.done, 30);
    const attempts = await road.attempts(id);
    for (const [customId, line] of await road.results(id)) {
      const seq = Number(customId.slice(1)) + 1;
      const wrong = attempts.filter((one) => one.seq === seq);
      assert.ok(wrong.length <= 2);
      assert.equal(targetOf(line), wrong.length === 2 ? next : first);
      assert.ok(wrong.every(({ error }) => error.code === 'upstream_malformed'));
    }
  });

  test('is a dead letter where there is no next target, with both of its errors, and is paid for in the books', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ corrupt: 100 }] } });
    const id = await road.submit(asked(30, 'one'));
    const batch = await road.ended(id);
    assert.ok(batch.counts.failed > 0);
    const attempts = await road.attempts(id);
    for (const { seq, state, error } of await road.items(id)) {
      if (state !== 'dead') continue;
      assert.equal(error?.code, 'upstream_malformed');
      assert.equal(attempts.filter((one) => one.seq === seq).length, 2);
    }
    const ledger = await road.stores.ledger.list({}, 10);
    const spent = ledger.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
    const { totalNanoUsd } = Object(await road.control('GET', 'invoice'));
    assert.equal(batch.costNanoUsd, spent);
    assert.ok(totalNanoUsd > 0);
  });

  test('is seen in single calls too', async () => {
    road = await startRoad({
      yaml: 'routes:\n  now: { chain: [local/model] }\nmodels:\n  local/model: { capabilities: [structured-output] }\n',
    });
    const id = await road.submit([
      chatLine('good', 'now', 'parcel', jsonForm),
      // The model stops in the middle of its JSON.
      chatLine('cut', 'now', 'parcel', { ...jsonForm, max_tokens: 2 }),
    ]);
    const batch = await road.ended(id);
    assert.deepEqual([batch.counts.done, batch.counts.failed], [1, 1]);
    const told = (await road.attempts(id)).map(({ target, error }) => [target, error.code]);
    assert.deepEqual(told, [
      ['local/model', 'upstream_malformed'],
      ['local/model', 'upstream_malformed'],
    ]);
  });
});

test('items that are asked alone at once are checked each by its own request, however far apart their lines are', async () => {
  road = await startRoad({
    yaml: 'routes:\n  now: { chain: [local/model] }\nmodels:\n  local/model: { capabilities: [structured-output] }\n',
  });
  const lines = Array.from({ length: 12 }, (_, index) =>
    chatLine(`c${index}`, 'now', `parcel ${index} ${'x'.repeat(60_000 + index * 777)}`, jsonForm),
  );
  const id = await road.submit(lines);
  assert.equal((await road.ended(id)).counts.done, 12, JSON.stringify(await road.attempts(id)));
});

/** Where items go when a provider does not take them: along their chain, whole submissions and single items alike. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import {
  chatLine,
  echoLines,
  jsonForm,
  type Road,
  startRoad,
  targetOf,
  textOf,
} from '../../test/support/road.ts';

let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
});

const first = 'openai/gpt-4.1-nano@batch';
const next = 'second/gpt-4.1-mini@batch';
const yaml = `
routes:
  two: { chain: [${first}, ${next}] }
  claude: { chain: [${first}, anthropic/claude-haiku-4-5-20251001@batch] }
  large: { chain: ["bedrock/us.amazon.nova-micro-v1:0@batch", ${first}] }
  last: { chain: [${first}, second/gpt-4.1-mini@sync] }
`;

async function targets(id: string): Promise<readonly unknown[]> {
  assert.ok(road);
  const lines = await road.results(id);
  return [...new Set([...lines.values()].map(targetOf))];
}

describe('a submission that its provider does not take goes on along the chain', () => {
  for (const [what, faults] of [
    ['a provider that nobody reaches', { faults: [{ provider: 'openai', kind: 'refused' }] }],
    ['one that throttles', { faults: [{ provider: 'openai', kind: 'rate-limit', retry_after_s: 1 }] }],
    ['one that fails at every job', { batches: [{ provider: 'openai', create_error: 100 }] }],
    ['one that finds every job invalid', { batches: [{ provider: 'openai', validation_failure: 100 }] }],
    ['one with no room for its tokens', { batches: [{ provider: 'openai', enqueued_tokens: 1 }] }],
  ] as const)
    test(`past ${what}`, async () => {
      road = await startRoad({ yaml, faults });
      const id = await road.submit(echoLines(5, 'two'));
      assert.equal((await road.ended(id)).counts.done, 5);
      assert.deepEqual(await targets(id), [next]);
      assert.ok(
        (await road.items(id)).every(({ strikes }) => strikes === 0),
        'nobody failed at the items',
      );
      const told = await road.attempts(id);
      assert.equal(told.length, 5);
      assert.ok(told.every(({ target }) => target === first));
    });

  test('and is found again where it was only lost on the way', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ lost_create: 100 }] } });
    const id = await road.submit(echoLines(5, 'two'));
    assert.equal((await road.ended(id)).counts.done, 5);
    assert.deepEqual(await targets(id), [first]);
    assert.equal((await road.submissions(id)).length, 1);
    assert.equal((await road.attempts(id)).length, 0);
  });

  test('and to single calls behind the last batch API, once it has failed for good', async () => {
    road = await startRoad({ yaml, faults: { faults: [{ provider: 'openai', kind: 'model-not-found' }] } });
    const id = await road.submit(echoLines(3, 'last'));
    assert.equal((await road.ended(id)).counts.done, 3);
    assert.deepEqual(await targets(id), ['second/gpt-4.1-mini@sync']);
  });
});

describe('an item goes on along the chain', () => {
  test('where it expired, and is answered in its caller’s dialect whatever the next target speaks', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ provider: 'openai', expire: 100 }] } });
    const id = await road.submit(echoLines(4, 'claude'), { window: '2m' });
    assert.equal((await road.ended(id)).counts.done, 4);
    const lines = await road.results(id);
    for (let index = 0; index < 4; index++) {
      const line = lines.get(`c${index}`);
      assert.equal(textOf(line), `answer ${index}`);
      assert.equal(targetOf(line), 'anthropic/claude-haiku-4-5-20251001@batch');
      assert.equal(line?.response?.body['object'], 'chat.completion');
      assert.equal(line?.intermodal['attempts'], 2);
    }
    assert.ok((await road.items(id)).every(({ strikes }) => strikes === 0));
  });

  test('where too few are left for its provider', async () => {
    road = await startRoad({ yaml });
    const id = await road.submit(echoLines(7, 'large'));
    assert.equal((await road.ended(id)).counts.done, 7);
    assert.deepEqual(await targets(id), [first]);
    assert.equal((await road.attempts(id)).length, 0, 'nothing was tried where it cannot be');
  });

  test('past a batch API that lacks what it needs', async () => {
    road = await startRoad({ yaml });
    const lines = Array.from({ length: 110 }, (_, index) =>
      chatLine(`c${index}`, 'large', `parcel ${index}`, index < 105 ? {} : jsonForm),
    );
    const id = await road.submit(lines);
    assert.equal((await road.ended(id)).counts.done, 110);
    const told = await road.results(id);
    assert.equal(targetOf(told.get('c0')), 'bedrock/us.amazon.nova-micro-v1:0@batch');
    assert.equal(targetOf(told.get('c105')), first);
    assert.equal((await road.attempts(id)).length, 0);
  });
});

test('three rounds fail, then it is asked alone, then it is a dead letter with all of its errors', async () => {
  road = await startRoad({
    yaml,
    faults: {
      batches: [{ provider: 'openai', item_error: 100 }],
      faults: [{ provider: 'second', model: 'gpt-*', kind: 'outage', status: 500 }],
    },
  });
  const id = await road.submit(echoLines(2, 'last'));
  const batch = await road.ended(id);
  assert.deepEqual([batch.state, batch.counts.done, batch.counts.failed], ['completed', 0, 2]);
  assert.equal((await road.submissions(id)).length, 3);
  const attempts = await road.attempts(id);
  for (const { seq, state, strikes, error } of await road.items(id)) {
    assert.deepEqual([state, strikes], ['dead', 3]);
    assert.equal(error?.code, 'upstream_fault');
    const told = attempts.filter((one) => one.seq === seq);
    assert.deepEqual(
      told.map(({ target }) => target),
      [first, first, first, 'second/gpt-4.1-mini@sync'],
    );
  }
  assert.match(JSON.stringify((await road.results(id)).get('c0')), /upstream_fault/);
  // The fault has passed: the same batch, once more.
  await road.control('DELETE', 'faults');
  assert.equal(await road.gateway.world.batches?.world.desk.retryDead('', id), 2);
  await road.until('it ends again', async () => {
    const { state, counts } = await mustRow(id);
    return state === 'completed' && counts.done === 2;
  });
  assert.equal(textOf((await road.results(id)).get('c1')), 'answer 1');
});

async function mustRow(id: string) {
  assert.ok(road);
  return road.row(id);
}

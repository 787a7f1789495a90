/** What a provider's batch API may hold at once, as the config says, and what budgets leave for it. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { addKey } from '../../test/support/keys.ts';
import { echoLines, type Road, startRoad, targetOf } from '../../test/support/road.ts';
import { openStores } from '../stores/open.ts';
import type { Submission } from './contract.ts';

let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
});

const first = 'openai/gpt-4.1-nano@batch';
const next = 'second/gpt-4.1-mini@batch';
const routes = `
routes:
  one: { chain: [${first}] }
  two: { chain: [${first}, ${next}] }
  now: { chain: [local/model] }
`;

/** The most that was there at any one time. */
function mostAtOnce(submissions: readonly Submission[], weight: (one: Submission) => number): number {
  const moments = submissions.flatMap(({ sentAtMs }) => sentAtMs ?? []);
  return Math.max(
    ...moments.map((moment) =>
      submissions
        .filter(({ sentAtMs, endedAtMs }) => (sentAtMs ?? 0) <= moment && moment < (endedAtMs ?? 0))
        .reduce((sum, one) => sum + weight(one), 0),
    ),
  );
}

describe('room at a provider', () => {
  test('is never overdrawn by more jobs than it has, and those that wait go as soon as one is done', async () => {
    road = await startRoad({
      yaml: `${routes}limits:\n  openai/gpt-4.1-nano: { batch: { concurrent: 2 } }\n`,
      batch: { submission_items: 5 },
      faults: { batches: [{ provider: 'openai', duration_ms: 100 }] },
    });
    const id = await road.submit(echoLines(30, 'one'));
    assert.equal((await road.ended(id)).counts.done, 30);
    const submissions = await road.submissions(id);
    assert.equal(submissions.length, 6);
    assert.ok(mostAtOnce(submissions, () => 1) <= 2);
  });

  test('nor by more tokens', async () => {
    road = await startRoad({
      yaml: `${routes}limits:\n  openai/gpt-4.1-nano: { batch: { enqueued_tokens: 100 } }\n`,
      faults: { batches: [{ provider: 'openai', duration_ms: 50 }] },
    });
    const id = await road.submit(echoLines(30, 'one'));
    assert.equal((await road.ended(id)).counts.done, 30);
    const submissions = await road.submissions(id);
    assert.ok(submissions.length > 1);
    assert.ok(mostAtOnce(submissions, ({ inputTokens }) => inputTokens) <= 100);
  });

  test('is looked for at the next target of the chain, and nobody has failed', async () => {
    road = await startRoad({
      yaml: `${routes}limits:\n  openai/gpt-4.1-nano: { batch: { concurrent: 1 } }\n`,
      batch: { submission_items: 5 },
      faults: { batches: [{ provider: 'openai', stuck: 100 }, { duration_ms: 50 }] },
    });
    const id = await road.submit(echoLines(10, 'two'));
    const opened = road;
    await road.until(
      'what has no room is answered elsewhere',
      async () => (await opened.row(id)).counts.done === 5,
    );
    await road.control('POST', 'jobs/finish');
    await road.ended(id);
    const targets = [...(await road.results(id)).values()].map(targetOf);
    assert.deepEqual(
      [first, next].map((name) => targets.filter((one) => one === name).length),
      [5, 5],
    );
    assert.equal((await road.attempts(id)).length, 0);
  });
});

describe('a hard budget', () => {
  const expensive = `prices:
  openai/gpt-4.1-nano: { input: $100, output: $1000 }
  local/model: { input: $100, output: $1000 }
`;
  for (const [what, route] of [
    ['by a batch API', 'one'],
    ['by single calls alone', 'now'],
  ] as const)
    test(`refuses a batch that does not fit before anything of it is sent, naming the budget, to be answered ${what}`, async () => {
      road = await startRoad({ yaml: `${routes}${expensive}budgets:\n  - { scope: all, daily: $0.05 }\n` });
      const id = await road.submit(echoLines(20, route));
      const batch = await road.ended(id);
      assert.equal(batch.state, 'failed');
      assert.equal(batch.problems[0]?.code, 'over_budget');
      assert.match(
        batch.problems[0]?.message ?? '',
        /expected to cost \$[\d.]+, and \$0\.05 is left of budget/,
      );
      const { requests } = Object(await road.control('GET', 'requests'));
      assert.deepEqual(requests, []);
    });

  test('of a batch is that batch’s own, and leaves others alone', async () => {
    road = await startRoad({
      yaml: `${routes}${expensive}budgets:\n  - { scope: all, per_batch: $0.60 }\n`,
    });
    const large = await road.submit(echoLines(60, 'one'));
    assert.equal((await road.ended(large)).problems[0]?.code, 'over_budget');
    for (let turn = 0; turn < 3; turn++) {
      const small = await road.submit(echoLines(5, 'one'));
      assert.equal((await road.ended(small)).counts.done, 5);
    }
  });

  test('gets back what was set aside and not spent', async () => {
    road = await startRoad({
      yaml: `${routes}${expensive}budgets:\n  - { scope: all, daily: $50 }\n`,
      faults: { batches: [{ provider: 'openai', stuck: 100 }] },
    });
    const id = await road.submit(echoLines(20, 'one'));
    const opened = road;
    const { limits } = road.gateway.world;
    const key = await road.until('money is held', async () => {
      const [sent] = await opened.submissions(id);
      return sent?.state === 'open' && sent.estimateNanoUsd;
    });
    assert.ok(key > 0);
    await road.control('POST', 'jobs/finish');
    const { costNanoUsd } = await road.ended(id);
    assert.ok(costNanoUsd > 0 && costNanoUsd < key);
    const name = road.gateway.world.policy().budgets[0]?.name ?? '';
    const state = await road.until('it is given back', async () => {
      const day = new Date().toISOString().slice(0, 10);
      const found = [name, `${name}/${day}`, `all/daily/${day}`].map((one) => limits.budget(one));
      return found.find(({ usedNanoUsd }) => usedNanoUsd > 0);
    });
    assert.deepEqual(state, { usedNanoUsd: costNanoUsd, heldNanoUsd: 0 });
  });
});

describe('a key', () => {
  test('that may not use a route has the line refused; one that is revoked has what is open ended as dead letters that say so', async () => {
    const stores = await openStores(':memory:');
    const key = await addKey(stores, 'search', { routes: ['one'] });
    road = await startRoad({
      yaml: routes,
      stores,
      faults: { batches: [{ provider: 'openai', item_error: 100 }] },
      batch: { retry: ['1s'] },
    });
    const headers = { authorization: `Bearer ${key}` };
    const [allowed, forbidden] = [echoLines(3, 'one'), echoLines(4, 'two').slice(3)];
    const id = await road.submit([...allowed, ...forbidden], { headers });
    const opened = road;
    await road.until('a round has failed', async () => (await opened.attempts(id)).length >= 3);
    await stores.keys.revoke('search', Date.now());
    const batch = await road.ended(id);
    assert.deepEqual([batch.counts.done, batch.counts.failed], [0, 4]);
    const items = await road.items(id);
    assert.deepEqual(
      items.map(({ state, error }) => [state, error?.code]),
      [
        ['dead', 'forbidden'],
        ['dead', 'forbidden'],
        ['dead', 'forbidden'],
        ['rejected', 'forbidden'],
      ],
    );
  });
});

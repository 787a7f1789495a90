/** A deadline is a promise: what would miss it is stopped, what is done is kept, and the rest is asked by single calls. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { echoLines, type Road, startRoad, targetOf, textOf } from '../../test/support/road.ts';
import { marginMs, mostWaitMs, stopMs } from './deadline.ts';

let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
});

const batched = 'openai/gpt-4.1-nano@batch';
const yaml = `
routes:
  only: { chain: [${batched}] }
  both: { chain: [${batched}, second/gpt-4.1-mini@sync] }
`;

async function running(id: string, opened: Road): Promise<void> {
  await opened.until('its submission runs', async () =>
    (await opened.submissions(id)).some(({ state }) => state === 'open'),
  );
}

/** As if so much of its window were left. */
async function shorten(id: string, opened: Road, leftMs: number): Promise<void> {
  const { no } = await opened.row(id);
  await opened.stores.batch.batches.patch(no, { deadlineAtMs: Date.now() + leftMs });
  await opened.wake(id);
}

describe('a short window', () => {
  test('of a minute leaves half of it to single calls, and is looked at every few seconds', () => {
    const batch = { windowMs: 60_000 };
    assert.equal(marginMs(batch, 10, 16), 30_000);
    assert.equal(mostWaitMs(batch), 3_000);
    assert.equal(stopMs(batch), 30_000);
  });

  test('does not change how a day is waited for', () => {
    const batch = { windowMs: 86_400_000 };
    assert.ok(mostWaitMs(batch) > 3_600_000);
    assert.equal(stopMs(batch), 600_000);
  });

  test('ends as soon as its provider has, whatever the waits between polls are', async () => {
    road = await startRoad({ yaml, batch: { poll: ['1h'] } });
    const id = await road.submit(echoLines(3, 'only'), { window: '1m' });
    const { counts, endedAtMs, deadlineAtMs } = await road.ended(id);
    assert.equal(counts.done, 3);
    assert.ok((endedAtMs ?? 0) < deadlineAtMs);
    assert.deepEqual([...new Set([...(await road.results(id)).values()].map(targetOf))], [batched]);
  });
});

describe('a deadline that is at risk', () => {
  test('stops what runs, keeps what is done there, and asks the rest by single calls', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ duration_ms: 8_000 }] } });
    const id = await road.submit(echoLines(60, 'both'), { window: '10m' });
    await running(id, road);
    const opened = road;
    await road.until('some of it is done there', async () => {
      const { jobs } = Object(await opened.control('GET', 'jobs'));
      return jobs.some(({ counts }: { counts: { answered: number } }) => counts.answered >= 20);
    });
    await shorten(id, road, 120_000);
    const batch = await road.ended(id);
    assert.deepEqual([batch.state, batch.counts.done], ['completed', 60]);
    const lines = [...(await road.results(id)).values()];
    const kept = lines.filter((line) => targetOf(line) === batched).length;
    assert.ok(kept > 0 && kept < 60, `${kept} were kept`);
    assert.equal(lines.filter((line) => targetOf(line) === 'second/gpt-4.1-mini@sync').length, 60 - kept);
    assert.equal((await road.submissions(id)).map(({ how }) => how).join(), 'cancelled');
    assert.ok(
      (await road.items(id)).every(({ strikes }) => strikes === 0),
      'nobody failed',
    );
    for (let index = 0; index < 60; index++)
      assert.equal(textOf(lines.find((line) => line.custom_id === `c${index}`)), `answer ${index}`);
  });

  test('sends nothing more to a batch API, not even what was planned', async () => {
    road = await startRoad({
      yaml: `${yaml}limits:\n  openai/gpt-4.1-nano: { batch: { concurrent: 1 } }\n`,
      batch: { submission_items: 3 },
      faults: { batches: [{ stuck: 100 }] },
    });
    const id = await road.submit(echoLines(6, 'both'), { window: '10m' });
    await running(id, road);
    await shorten(id, road, 120_000);
    assert.equal((await road.ended(id)).counts.done, 6);
    const { jobs } = Object(await road.control('GET', 'jobs'));
    assert.equal(jobs.length, 1);
  });
});

test('what a provider may have, and cannot be asked about any more, is given up in time, and the ledger says so', async () => {
  road = await startRoad({ yaml, batch: { look_again: '1h' }, faults: { batches: [{ lost_create: 100 }] } });
  const id = await road.submit(echoLines(3, 'both'), { window: '10m' });
  const opened = road;
  await road.until('it was lost', async () =>
    (await opened.submissions(id)).some(({ state, error }) => state === 'sending' && error !== undefined),
  );
  await road.control('POST', 'faults', { faults: [{ provider: 'openai', kind: 'outage', status: 503 }] });
  await shorten(id, road, 120_000);
  assert.equal((await road.ended(id)).counts.done, 3);
  const lines = [...(await road.results(id)).values()];
  assert.deepEqual([...new Set(lines.map(targetOf))], ['second/gpt-4.1-mini@sync']);
  const ledger = await road.stores.ledger.list({}, 10);
  const unknown = ledger.filter(({ outcome }) => outcome === 'unknown');
  assert.deepEqual(
    unknown.map(({ items, exact, provider }) => [items, exact, provider]),
    [[3, false, 'openai']],
  );
});

describe('a deadline that has passed', () => {
  test('ends what is open as expired, keeps what is done, and says so', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ duration_ms: 8_000 }] } });
    const id = await road.submit(echoLines(40, 'only'), { window: '10m' });
    await running(id, road);
    const opened = road;
    await road.until('some of it is done there', async () => {
      const { jobs } = Object(await opened.control('GET', 'jobs'));
      return jobs.some(({ counts }: { counts: { answered: number } }) => counts.answered >= 12);
    });
    await shorten(id, road, 0);
    const batch = await road.ended(id);
    assert.equal(batch.state, 'expired');
    assert.ok(batch.counts.done > 0 && batch.counts.expired > 0, JSON.stringify(batch.counts));
    assert.equal(batch.counts.done + batch.counts.expired, 40);
    const errors = [...(await road.results(id)).values()].filter(({ response }) => response === null);
    assert.equal(errors.length, batch.counts.expired);
    assert.equal(errors[0]?.error?.code, 'batch_expired');
  });

  test('does not wait for a provider that does not stop', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ stuck: 100 }] } });
    const id = await road.submit(echoLines(2, 'only'), { window: '10m' });
    await running(id, road);
    await road.control('POST', 'faults', { faults: [{ provider: 'openai', kind: 'outage', status: 503 }] });
    await shorten(id, road, -600_000);
    assert.deepEqual((await road.ended(id)).counts.expired, 2);
  });
});

describe('a batch that is cancelled', () => {
  const cancel = async (id: string, opened: Road): Promise<void> => {
    const response = await fetch(`${opened.url}/v1/batches/${id}/cancel`, { method: 'POST' });
    assert.equal(response.status, 200, await response.text());
  };

  test('keeps what is done and ends the rest', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ duration_ms: 8_000 }] } });
    const id = await road.submit(echoLines(40, 'both'));
    await running(id, road);
    const opened = road;
    await road.until('some of it is done there', async () => {
      const { jobs } = Object(await opened.control('GET', 'jobs'));
      return jobs.some(({ counts }: { counts: { answered: number } }) => counts.answered >= 12);
    });
    await cancel(id, road);
    const batch = await road.ended(id);
    assert.equal(batch.state, 'cancelled');
    assert.ok(batch.counts.done > 0 && batch.counts.cancelled > 0, JSON.stringify(batch.counts));
    assert.equal((await road.results(id)).size, 40);
    const ledger = await road.stores.ledger.list({}, 10);
    assert.equal(ledger.length, 1, 'nothing is asked alone any more');
    assert.equal(ledger[0]?.costNanoUsd, batch.costNanoUsd);
  });

  test('is heard between single calls too', async () => {
    road = await startRoad({
      yaml: 'routes:\n  now: { chain: [local/model] }\n',
      batch: { sync: { concurrent: 1 } },
      faults: { think_ms: 150 },
    });
    const id = await road.submit(echoLines(40, 'now'));
    const opened = road;
    await road.until('some are asked alone', async () => (await opened.row(id)).counts.done >= 2);
    await cancel(id, road);
    const { counts } = await road.ended(id);
    assert.ok(counts.done < 40 && counts.cancelled > 0, JSON.stringify(counts));
  });
});

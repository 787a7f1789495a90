/** Who does what is due: claims, leases, fences; submissions and deliveries, which are worked on so. On every kind of store. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import {
  claimSubmission,
  everything,
  makeBatch,
  noon,
  planned,
  runningBatch,
} from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';
import { type SubmissionState, submissionStates, submissionTransitions } from '../../batch/contract.ts';
import type { BatchStores, Delivery, Work } from './contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const nameOf = (work: Work | undefined): string | undefined =>
  work === undefined ? undefined : work.kind === 'batch' ? work.batch.id : work.submission.id;

const roads: Readonly<Record<SubmissionState, readonly SubmissionState[]>> = {
  planned: [],
  sending: ['sending'],
  open: ['sending', 'open'],
  stopping: ['sending', 'open', 'stopping'],
  ended: ['sending', 'open', 'ended'],
  collected: ['sending', 'open', 'ended', 'collected'],
  refused: ['refused'],
};

async function submitted(rows: BatchStores, items = 1): Promise<number> {
  const { no } = await runningBatch(
    rows,
    Array.from({ length: items }, () => 'waiting' as const),
  );
  for (let number = 1; number <= items; number++) {
    const submission = planned(no, `s${`${number}`.padStart(11, '0')}`);
    await rows.items.assign(submission, { ...everything, items: 1 }, noon);
  }
  return no;
}

for (const { name, skip, shared, fresh, open } of kinds) {
  const sharing = skip === false && !shared ? 'memory belongs to one connection' : skip;

  describe(`work on ${name}`, { skip }, () => {
    test('that was told that there is no room comes again when some is free', async () => {
      const rows = (await open()).batch;
      await submitted(rows, 3);
      for (const [id, tries] of [
        ['s00000000001', 0],
        ['s00000000002', 1],
        ['s00000000003', 4],
      ] as const) {
        const work = await claimSubmission(rows, id);
        await rows.submissions.patch(work, { tries });
        await rows.work.release(work, noon + 60_000 * (5 - tries));
      }
      await rows.submissions.wakeWaiting(noon + 1, 1);
      const due = async (): Promise<string[]> => {
        const found: string[] = [];
        for (let work = await rows.work.claim(noon + 1, 1_000); work !== undefined; ) {
          if (work.kind === 'submission') found.push(work.submission.id);
          work = await rows.work.claim(noon + 1, 1_000);
        }
        return found.sort();
      };
      assert.deepEqual(await due(), ['s00000000003']);
      await rows.submissions.wakeWaiting(noon + 1, 100);
      // One that was never refused keeps its time.
      assert.deepEqual(await due(), ['s00000000002']);
    });

    test('in states that are passed over is left to others, however overdue', async () => {
      const rows = (await open()).batch;
      const no = await submitted(rows);
      await makeBatch(rows, 'batch_b', { createdAtMs: noon - 5 });
      await rows.batches.wake(no, noon - 3);
      await rows.submissions.wake('s00000000001', noon - 9);
      const busy = { batch: ['assembling'], submission: ['planned', 'ended'] } as const;
      assert.equal(await rows.work.nextDueMs(), noon - 9);
      assert.equal(await rows.work.nextDueMs(busy), noon - 3);
      assert.equal(nameOf(await rows.work.claim(noon, 100, busy)), 'batch_a');
      assert.equal(await rows.work.claim(noon, 100, busy), undefined);
      assert.equal(await rows.work.nextDueMs(busy), noon + 100, 'the end of a lease');
      assert.equal(nameOf(await rows.work.claim(noon, 100)), 's00000000001');
      assert.equal(nameOf(await rows.work.claim(noon, 100)), 'batch_b');
    });

    test('is claimed most overdue first, by one holder at a time, again when its lease is over', async () => {
      const rows = (await open()).batch;
      const no = await submitted(rows);
      await makeBatch(rows, 'batch_b', { createdAtMs: noon - 5 });
      await rows.batches.wake(no, noon - 9);
      await rows.submissions.wake('s00000000001', noon - 7);
      assert.equal(await rows.work.claim(noon - 10, 100), undefined);
      assert.equal(await rows.work.nextDueMs(), noon - 9);
      const order = [
        await rows.work.claim(noon, 100),
        await rows.work.claim(noon, 200),
        await rows.work.claim(noon, 300),
      ];
      assert.deepEqual(order.map(nameOf), ['batch_a', 's00000000001', 'batch_b']);
      assert.equal(await rows.work.claim(noon + 99, 100), undefined);
      assert.equal(await rows.work.nextDueMs(), noon + 100);
      const again = await rows.work.claim(noon + 100, 100);
      assert.equal(nameOf(again), 'batch_a');
      assert.ok((again?.claim.fence ?? 0) > (order[0]?.claim.fence ?? 0));
    });

    test('that was lost to another cannot be renewed or released', async () => {
      const { batches, work, ...rows } = (await open()).batch;
      await makeBatch({ batches, work, ...rows });
      const first = (await work.claim(noon, 100)) ?? assert.fail();
      assert.equal(await work.renew(first, noon + 200), true);
      assert.equal(await work.claim(noon + 199, 100), undefined);
      const second = (await work.claim(noon + 200, 100)) ?? assert.fail();
      assert.equal(await work.renew(first, noon + 900), false);
      await work.release(first, noon + 1);
      assert.equal(await work.claim(noon + 299, 100), undefined);
      await work.release(second, noon + 500);
      assert.equal(await work.renew(second, noon + 900), false);
      assert.equal(await work.nextDueMs(), noon + 500);
      assert.equal(await work.claim(noon + 499, 100), undefined);
      assert.equal(nameOf(await work.claim(noon + 500, 100)), 'batch_a');
    });

    test('wakes at the earlier time, unless later is asked for; a wake that comes while it is held is kept', async () => {
      const { batches, work, ...rows } = (await open()).batch;
      const { no } = await makeBatch({ batches, work, ...rows });
      await batches.wake(no, noon + 50);
      assert.equal(await work.nextDueMs(), noon);
      await batches.wake(no, noon + 50, 'later');
      await batches.wake(no, noon + 60);
      assert.equal(await work.nextDueMs(), noon + 50);
      const held = (await work.claim(noon + 50, 1000)) ?? assert.fail();
      await batches.wake(no, noon + 70);
      await batches.wake(no, noon + 65);
      await batches.wake(no, noon + 75);
      await work.release(held, noon + 500);
      assert.equal(await work.nextDueMs(), noon + 65);
      const next = (await work.claim(noon + 65, 1000)) ?? assert.fail();
      await batches.wake(no, noon + 900);
      await work.release(next, noon + 500);
      assert.equal(await work.nextDueMs(), noon + 500);
    });

    test('is not there of what has ended, and there again of a batch that runs again', async () => {
      const { batches, work, ...rows } = (await open()).batch;
      const { no } = await makeBatch({ batches, work, ...rows });
      await batches.move(no, ['assembling'], 'finishing');
      await batches.move(no, ['finishing'], 'completed', { endedAtMs: noon });
      assert.equal(await work.claim(noon, 1), undefined);
      assert.equal(await work.nextDueMs(), undefined);
      await batches.move(no, ['completed'], 'running');
      assert.equal(nameOf(await work.claim(noon, 1)), 'batch_a');
    });

    test('goes to one of two connections, never to both', { skip: sharing }, async () => {
      const url = await fresh();
      const [one, other] = [(await open(url)).batch, (await open(url)).batch];
      for (let index = 0; index < 60; index++) await makeBatch(one, `batch_${index}`);
      const claimed: string[] = [];
      const claimAll = async (rows: BatchStores): Promise<void> => {
        // More than there are; one that was passed over since the other looked at it is found next time.
        for (let misses = 0; misses < 20; ) {
          const work = await rows.work.claim(noon, 60_000);
          if (work === undefined) misses++;
          else claimed.push(`${nameOf(work)}/${work.claim.fence}`);
        }
      };
      await Promise.all([claimAll(one), claimAll(other), claimAll(one), claimAll(other)]);
      assert.equal(claimed.length, 60);
      assert.equal(new Set(claimed).size, 60);
    });
  });

  describe(`submissions on ${name}`, { skip }, () => {
    test('make every change of state that the table has, and no other', async () => {
      const rows = (await open()).batch;
      await submitted(rows, 49);
      let number = 0;
      for (const from of submissionStates) {
        for (const to of submissionStates) {
          const work = await claimSubmission(
            rows,
            `s${`${++number}`.padStart(11, '0')}`,
            noon + number * 10_000,
          );
          for (const step of roads[from])
            assert.ok(await rows.submissions.move(work, step), `${from}: ${step}`);
          const moved = await rows.submissions.move(work, to, { how: 'x' });
          assert.equal(moved, submissionTransitions[from].includes(to), `${from} to ${to}`);
          const kept = await rows.submissions.get(work.submission.id);
          assert.deepEqual([kept?.state, kept?.how], moved ? [to, 'x'] : [from, undefined]);
        }
      }
      const live = await rows.submissions.live();
      assert.deepEqual([...new Set(live.map(({ state }) => state))].sort(), [
        'ended',
        'open',
        'sending',
        'stopping',
      ]);
    });

    test('take what is patched, count tries anew in each state, and are known by their handle', async () => {
      const rows = (await open()).batch;
      await submitted(rows);
      const work = await claimSubmission(rows, 's00000000001');
      const error = { code: 'upstream_fault', message: 'm', status: 500, upstream: 'u' } as const;
      assert.equal(await rows.submissions.patch(work, { tries: 4, dueAtMs: noon + 5 }), true);
      assert.equal(await rows.submissions.patch(work, {}), true);
      assert.equal((await rows.submissions.get('s00000000001'))?.tries, 4);
      const patch = {
        handle: 'batch_abc',
        sentAtMs: 1,
        endedAtMs: 2,
        costNanoUsd: 3,
        estimateNanoUsd: 4,
        error,
      };
      assert.equal(await rows.submissions.move(work, 'sending', patch), true);
      const { submission } = work;
      const expected = { ...submission, ...patch, state: 'sending', tries: 0, dueAtMs: noon + 5 };
      assert.deepEqual(await rows.submissions.get('s00000000001'), expected);
      assert.deepEqual(await rows.submissions.ofBatch(submission.batchNo), [expected]);
      assert.equal(await rows.submissions.knows('batch_abc'), true);
      assert.equal(await rows.submissions.knows('batch_abd'), false);
      assert.equal(await rows.submissions.get('s00000000002'), undefined);
      // A provider speaks for its own alone.
      await rows.work.release(work, noon + 5_000_000);
      await rows.submissions.wakeHandle('somebody-else', 'batch_abc', noon);
      assert.equal((await rows.submissions.get('s00000000001'))?.dueAtMs, noon + 5_000_000);
      await rows.submissions.wakeHandle(submission.target.split('/')[0] ?? '', 'batch_abc', noon);
      assert.equal((await rows.submissions.get('s00000000001'))?.dueAtMs, noon);
    });

    test('tell how old those are that providers have, by target', async () => {
      const rows = (await open()).batch;
      const { no } = await runningBatch(
        rows,
        Array.from({ length: 6 }, () => 'waiting' as const),
      );
      const one = { ...everything, items: 1 };
      const roadOf = { open: ['sending', 'open'], ended: ['sending', 'open', 'ended'], planned: [] } as const;
      const made = [
        ['openai/a@batch', 'open', 5_000],
        ['openai/a@batch', 'open', 3_000],
        ['openai/a@batch', 'open', 9_000],
        ['openai/b@batch', 'open', 9_000],
        ['openai/b@batch', 'ended', 1_000],
        ['openai/b@batch', 'planned', 0],
      ] as const;
      for (const [index, [target, state, sentAtMs]] of made.entries()) {
        const id = `s0000000000${index}`;
        await rows.items.assign(planned(no, id, { target }), one, noon);
        const work = await claimSubmission(rows, id);
        for (const step of roadOf[state])
          assert.ok(await rows.submissions.move(work, step, { sentAtMs: noon + sentAtMs }));
      }
      assert.deepEqual(await rows.submissions.ages(noon + 6_000), [
        { target: 'openai/a@batch', oldestSentAtMs: noon + 3_000, late: 2 },
        { target: 'openai/b@batch', oldestSentAtMs: noon + 9_000, late: 0 },
      ]);
    });

    test('are not changed in the name of a claim that was lost or let go', async () => {
      const rows = (await open()).batch;
      await submitted(rows);
      const stale = await claimSubmission(rows, 's00000000001', noon, 100);
      const holder = await claimSubmission(rows, 's00000000001', noon + 100, 100);
      assert.equal(await rows.submissions.move(stale, 'sending'), false);
      assert.equal(await rows.submissions.patch(stale, { tries: 9 }), false);
      assert.equal(await rows.submissions.move(holder, 'sending'), true);
      await rows.work.release(holder, noon + 500);
      assert.equal(await rows.submissions.move(holder, 'open'), false);
      assert.deepEqual(
        (await rows.submissions.live()).map(({ state, tries }) => [state, tries]),
        [['sending', 0]],
      );
    });
  });

  describe(`deliveries on ${name}`, { skip }, () => {
    const delivery = (id: string, changes: Partial<Delivery> = {}): Delivery => ({
      id,
      batchNo: 1,
      url: 'https://example.com/hook',
      body: '{}',
      tries: 0,
      dueAtMs: noon,
      createdAtMs: noon,
      ...changes,
    });

    test('are there with the end that they tell of, and not without it', async () => {
      const rows = (await open()).batch;
      const { batches, deliveries } = rows;
      const { no } = await makeBatch(rows);
      const told = delivery('told', { batchNo: no });
      assert.equal(await batches.move(no, ['finishing'], 'completed', { endedAtMs: noon }, told), false);
      assert.deepEqual(await deliveries.ofBatch(no), []);
      await batches.move(no, ['assembling'], 'finishing');
      const ends = [1, 2].map(() => batches.move(no, ['finishing'], 'completed', { endedAtMs: noon }, told));
      assert.deepEqual((await Promise.all(ends)).sort(), [false, true]);
      assert.deepEqual(await deliveries.ofBatch(no), [told]);
    });

    test('are claimed when due, by one at a time, until they are delivered or given up', async () => {
      const { deliveries } = (await open()).batch;
      await deliveries.add(delivery('a', { dueAtMs: noon + 1 }));
      await deliveries.add(delivery('a', { body: 'again' }));
      await deliveries.add(delivery('b'));
      await deliveries.add(delivery('c', { dueAtMs: noon + 2 }));
      const claim = async (atMs: number, limit = 9) =>
        (await deliveries.claim(atMs, 100, limit)).map(({ id }) => id);
      assert.deepEqual(await claim(noon + 1, 1), ['b']);
      assert.deepEqual(await claim(noon + 1), ['a']);
      assert.deepEqual(await claim(noon + 1), []);
      const failed = delivery('b', { tries: 1, dueAtMs: noon + 50, lastStatus: 500, lastError: 'nul\0' });
      await deliveries.record(failed);
      await deliveries.record(delivery('a', { tries: 1, givenUpAtMs: noon }));
      assert.deepEqual(await claim(noon + 50), ['c', 'b']);
      // The holder died: it is claimed again, and delivered.
      assert.deepEqual(await claim(noon + 150), ['c', 'b']);
      const delivered = delivery('b', { tries: 2, deliveredAtMs: noon + 160, lastStatus: 200 });
      await deliveries.record(delivered);
      await deliveries.record(failed);
      assert.deepEqual(await claim(noon + 9000), ['c']);
      const all = await deliveries.ofBatch(1);
      assert.deepEqual(
        all.map(({ id }) => id),
        ['a', 'b', 'c'],
      );
      assert.deepEqual(all[1], delivered);
    });
  });

  describe(`answers on ${name}`, { skip }, () => {
    test('are found by owner and hash, the latest of each, no older than asked for', async () => {
      const { answers } = (await open()).batch;
      const answer = (hash: string, atMs: number, owner = 'search') => ({
        owner,
        hash,
        shape: 'openai',
        blob: `b${atMs}`,
        at: 1,
        bytes: 2,
        target: 't',
        listNanoUsd: 3,
        atMs,
      });
      const many = Array.from({ length: 1234 }, (_, index) => answer(`h${index}`, noon));
      await answers.add([]);
      await answers.add([answer('x', noon + 3), answer('x', noon + 2), ...many, answer('x', noon, 'mail')]);
      await answers.add([answer('x', noon + 1), ...many]);
      assert.deepEqual(await answers.find('search', ['x', 'x', 'none'], noon), [answer('x', noon + 3)]);
      assert.deepEqual(await answers.find('mail', ['x'], noon + 1), []);
      assert.equal(
        (
          await answers.find(
            'search',
            many.map(({ hash }) => hash),
            noon,
          )
        ).length,
        1234,
      );
      await answers.prune(noon + 1);
      assert.deepEqual(await answers.find('search', ['x', 'h1'], 0), [answer('x', noon + 3)]);
      assert.deepEqual(await answers.find('mail', ['x'], 0), []);
    });
  });
}

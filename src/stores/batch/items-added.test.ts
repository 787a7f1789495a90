/** Items of a batch, on every kind of store: how they come in, are found again, and where their answers lie. By the thousand: `items-bulk.test.ts`. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import {
  added,
  done,
  everything,
  failure,
  item,
  lane,
  makeBatch,
  noon,
  planned,
  runningBatch,
  seqs,
} from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';
import { itemStates } from '../../batch/contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const one = 's00000000001';
const two = 's00000000002';

for (const { name, skip, shared, fresh, open } of kinds) {
  describe(`items that are added on ${name}`, { skip }, () => {
    test('come back as they were, by number, by page, by name', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await makeBatch({ items, ...rows });
      const full = item(no, 2, {
        customId: '“é” 🚢',
        at: 5e9,
        lane: 3,
        step: 1,
        state: 'done',
        strikes: 2,
        formStrikes: 1,
        attempts: 4,
        dueAtMs: 0,
        inputTokens: 2e6,
        twinOf: 1,
        submission: one,
        result: { segment: 2, at: 6e9, bytes: 7, costNanoUsd: 8e9, listNanoUsd: 9e9 },
        error: { ...failure, upstream: 'nul\0' },
      });
      const all = [item(no, 1), full, item(no, 3, { state: 'rejected', hash: '', error: failure })];
      assert.equal(await items.add(no, 1, added(all, { lanes: [lane(no, 1), lane(no)] })), true);
      assert.deepEqual(await items.page(no, 0, 10), all);
      assert.deepEqual(await items.page(no, 1, 1), [full]);
      assert.deepEqual(await items.get(no, [3, 1, 9, 3]), [all[0], all[2]]);
      assert.deepEqual(await items.get(no, []), []);
      assert.deepEqual(await items.names(no, 1, 1), [{ seq: 2, customId: full.customId, hash: full.hash }]);
      assert.deepEqual(await items.lanes(no), [lane(no), lane(no, 1)]);
      assert.deepEqual(await items.page(no + 1, 0, 10), []);
    });

    test('go on exactly where the store is, after a crash too, and not once the batch is cancelled', async () => {
      const url = await fresh();
      let rows = (await open(url)).batch;
      const { no } = await makeBatch(rows);
      const problems = (count: number) =>
        Array.from({ length: count }, (_, index) => ({ line: index + 1, code: 'c', message: 'm' }));
      const first = added([item(no, 1), item(no, 2)], {
        lanes: [lane(no)],
        estimateNanoUsd: 5,
        problems: problems(60),
      });
      assert.equal(await rows.items.add(no, 2, first), false);
      assert.equal(await rows.items.add(no, 1, first), true);
      assert.equal(await rows.items.add(no, 1, first), false);
      if (shared) {
        await closeAll();
        rows = (await open(url)).batch;
      }
      // A line that is no item, such as an empty one, counts as read.
      const second = added([item(no, 4)], {
        lanes: [lane(no)],
        estimateNanoUsd: 6,
        problems: problems(60),
        assembledLines: 4,
        assembledBytes: 400,
        reused: 1,
        prefiltered: 2,
      });
      assert.equal(await rows.items.add(no, 1, second), false);
      assert.equal(await rows.items.add(no, 3, second), true);
      const batch = (await rows.batches.byNo(no)) ?? assert.fail();
      assert.deepEqual(
        [
          batch.assembledLines,
          batch.assembledBytes,
          batch.estimateNanoUsd,
          batch.reused,
          batch.prefiltered,
          batch.problems.length,
          batch.counts.total,
        ],
        [4, 400, 11, 1, 2, 100, 3],
      );
      assert.deepEqual(seqs(await rows.items.page(no, 0, 9)), [1, 2, 4]);
      await rows.batches.move(no, ['assembling'], 'cancelling');
      assert.equal(await rows.items.add(no, 5, added([item(no, 5)])), false);
      assert.equal((await rows.items.counts(no)).total, 3);
    });

    test('are all there or none', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await makeBatch({ items, ...rows });
      const broken = [
        ...Array.from({ length: 700 }, (_, index) => item(no, index + 1)),
        item(no, 701, { at: Number.NaN }),
      ];
      await assert.rejects(items.add(no, 1, added(broken, { lanes: [lane(no)] })));
      assert.deepEqual([await items.page(no, 0, 9), await items.lanes(no)], [[], []]);
      assert.equal((await rows.batches.byNo(no))?.assembledLines, 0);
    });

    test('are counted by state, with what is answered already', async () => {
      const { items, ...rows } = (await open()).batch;
      const result = { segment: 1, at: 0, bytes: 1, costNanoUsd: 0, listNanoUsd: 7 };
      const { no } = await runningBatch({ items, ...rows }, itemStates, (seq) =>
        seq % 2 === 0 ? { result } : { twinOf: 9 },
      );
      const counts = { total: 9, done: 1, failed: 2, cancelled: 1, expired: 1 };
      assert.deepEqual(await items.counts(no), { ...counts, open: 4, twins: 1 });
      const batch = (await rows.batches.get('search', 'batch_a')) ?? assert.fail();
      assert.deepEqual(batch.counts, counts);
      assert.deepEqual([batch.twins, batch.costNanoUsd, batch.listNanoUsd], [5, 0, 28]);
      assert.deepEqual((await rows.batches.list('search', { limit: 1 })).data[0], batch);
    });

    test('are found by state and submission, in order', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, [
        'dead',
        'waiting',
        'alone',
        'dead',
        'waiting',
        'rejected',
        'twin',
        'dead',
      ]);
      const page = async (...rest: Parameters<typeof items.page> extends [number, ...infer R] ? R : never) =>
        seqs(await items.page(no, ...rest));
      assert.deepEqual(await page(0, 9, { states: ['dead'] }), [1, 4, 8]);
      assert.deepEqual(await page(1, 3, { states: ['dead', 'rejected', 'alone'] }), [3, 4, 6]);
      assert.deepEqual(await page(0, 9, { states: ['waiting', 'twin'] }), [2, 5, 7]);
      assert.deepEqual(await page(0, 9, { states: [] }), []);
      await items.assign(planned(no, one), everything, noon);
      await items.settle(no, { submission: one }, [done(2)]);
      assert.deepEqual(await page(0, 9, { submission: one }), [2, 5]);
      assert.deepEqual(await page(0, 9, { submission: one, states: ['submitted', 'dead'] }), [5]);
      assert.deepEqual(await page(0, 9, { submission: two }), []);
    });
  });

  describe(`segments on ${name}`, { skip }, () => {
    test('count up in a batch, and one blob has one number', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await makeBatch({ items, ...rows });
      assert.equal(await items.addSegment(no, 'a'), 1);
      assert.equal(await items.addSegment(no, 'b'), 2);
      assert.equal(await items.addSegment(no, 'a'), 1);
      assert.equal(await items.addSegment(no + 1, 'a'), 1);
      assert.deepEqual(
        await Promise.all(['c', 'd', 'e'].map((blob) => items.addSegment(no, blob))).then((all) =>
          all.sort(),
        ),
        [3, 4, 5],
      );
      assert.deepEqual(
        (await items.segments(no)).map(({ segment, blob }) => `${segment}${blob}`).slice(0, 2),
        ['1a', '2b'],
      );
    });
  });
}

/** Items, on every kind of store: every way into and out of a state, and what is repeated. By the thousand: `items-bulk.test.ts`. */
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
  noSums,
  planned,
  runningBatch,
  states,
} from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';
import { itemStates } from '../../batch/contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const one = 's00000000001';
const two = 's00000000002';
const seqs = (items: readonly { readonly seq: number }[]): readonly number[] => items.map(({ seq }) => seq);

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

  describe(`items that are planned on ${name}`, { skip }, () => {
    test('are summed by lane and step when they are due', async () => {
      const { items, ...rows } = (await open()).batch;
      const lanes = [0, 1, 0, 1, 0, 0];
      const { no } = await runningBatch(
        { items, ...rows },
        ['waiting', 'waiting', 'waiting', 'alone', 'waiting', 'waiting'],
        (seq) => ({
          lane: lanes[seq - 1] ?? 0,
          step: seq === 5 ? 1 : 0,
          dueAtMs: noon + seq,
          strikes: seq === 3 ? 2 : 0,
        }),
      );
      const sums = { bytes: 90, inputTokens: 10, strikes: 0, items: 1 };
      assert.deepEqual(await items.due(no, noon), []);
      assert.deepEqual(await items.due(no, noon + 5), [
        { lane: 0, step: 0, items: 2, bytes: 180, inputTokens: 20, strikes: 2 },
        { ...sums, lane: 0, step: 1 },
        { ...sums, lane: 1, step: 0 },
      ]);
      assert.equal(await items.nextDueMs(no), noon + 1);
      await items.settleAll(no, { states: ['waiting'] }, { state: 'cancelled', attempted: false });
      assert.equal(await items.nextDueMs(no), undefined);
    });

    test('are given to a submission in order, as many as fit, those that are due of its lane and step', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch(
        { items, ...rows },
        Array.from({ length: 9 }, () => 'waiting'),
        (seq) => ({
          lane: seq === 2 ? 1 : 0,
          step: seq === 3 ? 1 : 0,
          dueAtMs: seq === 4 ? noon + 1 : noon,
          bytes: seq === 8 ? 5000 : 90,
        }),
      );
      const take = async (id: string, most: Partial<typeof everything>) => {
        const made = await items.assign(planned(no, id), { ...everything, ...most }, noon);
        return [
          made?.items,
          made?.bytes,
          made?.inputTokens,
          ...seqs(await items.page(no, 0, 9, { submission: id })),
        ];
      };
      assert.deepEqual(await take('s1', { items: 2 }), [2, 180, 20, 1, 5]);
      assert.deepEqual(await take('s2', { bytes: 189, envelopeBytes: 5 }), [1, 90, 10, 6]);
      assert.deepEqual(await take('s3', { bytes: 300 }), [1, 90, 10, 7]);
      // Too large for any submission: it goes by itself, since it would wait for ever.
      assert.deepEqual(await take('s4', { bytes: 300 }), [1, 5000, 10, 8]);
      assert.deepEqual(await take('s5', { inputTokens: 10 }), [1, 90, 10, 9]);
      assert.deepEqual(await take('s6', {}), [undefined, undefined, undefined]);
      assert.deepEqual(seqs(await items.page(no, 0, 9, { states: ['waiting'] })), [2, 3, 4]);
      assert.equal((await rows.submissions.ofBatch(no)).length, 5);
    });

    test('are given once, to a caller that asks again too, and to nobody once the batch is cancelled', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['waiting', 'waiting', 'waiting']);
      const made = await items.assign(planned(no, one), { ...everything, items: 2 }, noon);
      assert.deepEqual(made, { ...planned(no, one), items: 2, bytes: 180, inputTokens: 20 });
      assert.deepEqual(await rows.submissions.get(one), made);
      assert.deepEqual(await items.assign(planned(no, one), everything, noon), made);
      await rows.batches.move(no, ['running'], 'cancelling');
      assert.equal(await items.assign(planned(no, two), everything, noon), undefined);
      assert.equal(states(await items.page(no, 0, 9)), 'submitted submitted waiting');
    });
  });

  describe(`items that are settled on ${name}`, { skip }, () => {
    test('change, count and cost once, however often it is said', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['waiting', 'waiting', 'waiting']);
      await items.assign(planned(no, one), everything, noon);
      const sums = {
        costNanoUsd: 5,
        listNanoUsd: 10,
        inputTokens: 100,
        cacheReadTokens: 60,
        outputTokens: 20,
        reasoningTokens: 7,
        repaired: 1,
      };
      const settled = [
        { ...done(1), sums },
        { ...done(1, { state: 'dead' as const }), sums },
        {
          seq: 2,
          state: 'waiting' as const,
          attempted: true,
          step: 1,
          strikes: 1,
          formStrikes: 1,
          dueAtMs: noon + 9,
          error: failure,
          failed: { target: 't', submission: one, atMs: noon, error: failure },
          sums,
        },
        { ...done(77), sums },
      ];
      assert.equal(await items.settle(no, { submission: two }, settled), 0);
      assert.equal(await items.settle(no, { alone: true }, settled), 0);
      assert.equal(await items.settle(no, { submission: one }, settled), 2);
      assert.equal(await items.settle(no, { submission: one }, settled), 0);
      assert.equal(await items.settle(no, { submission: one }, []), 0);
      assert.deepEqual(await items.page(no, 0, 9), [
        item(no, 1, {
          state: 'done',
          attempts: 1,
          submission: one,
          result: { segment: 1, at: 10, bytes: 9, costNanoUsd: 5, listNanoUsd: 10 },
        }),
        item(no, 2, { step: 1, strikes: 1, formStrikes: 1, attempts: 1, dueAtMs: noon + 9, error: failure }),
        item(no, 3, { state: 'submitted', submission: one }),
      ]);
      assert.deepEqual(await items.attempts(no, [2, 1]), [
        { batchNo: no, seq: 2, attempt: 1, target: 't', submission: one, atMs: noon, error: failure },
      ]);
      const batch = (await rows.batches.byNo(no)) ?? assert.fail();
      assert.deepEqual(
        [
          batch.costNanoUsd,
          batch.listNanoUsd,
          batch.inputTokens,
          batch.cacheReadTokens,
          batch.outputTokens,
          batch.reasoningTokens,
          batch.repaired,
          batch.counts.done,
        ],
        [10, 20, 200, 120, 40, 14, 2, 1],
      );
      assert.equal((await rows.submissions.get(one))?.costNanoUsd, 10);
    });

    test('that are done by the thousand change, count and cost once, and only those of the submission', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['waiting', 'waiting', 'waiting', 'waiting']);
      await items.assign(planned(no, one), { ...everything, items: 2 }, noon);
      await items.assign(planned(no, two), { ...everything, items: 1 }, noon);
      const doneItem = (seq: number) => ({
        seq,
        at: seq * 10,
        bytes: 9,
        costNanoUsd: 5,
        listNanoUsd: 10,
        inputTokens: 100,
        cacheReadTokens: 60,
        outputTokens: 20,
        reasoningTokens: 7,
      });
      assert.equal(await items.settleDone(no, one, 4, []), 0);
      const again = [1, 1, 3, 4, 77].map(doneItem);
      assert.equal(await items.settleDone(no, one, 4, again), 1);
      assert.equal(await items.settleDone(no, one, 4, again), 0);
      assert.equal(await items.settleDone(no, one, 4, [doneItem(2)]), 1);
      const result = { segment: 4, at: 10, bytes: 9, costNanoUsd: 5, listNanoUsd: 10 };
      assert.deepEqual((await items.page(no, 0, 9)).slice(0, 1), [
        item(no, 1, { state: 'done', attempts: 1, submission: one, result }),
      ]);
      assert.equal(states(await items.page(no, 0, 9)), 'done done submitted waiting');
      const batch = (await rows.batches.byNo(no)) ?? assert.fail();
      assert.deepEqual(
        [
          batch.costNanoUsd,
          batch.listNanoUsd,
          batch.inputTokens,
          batch.cacheReadTokens,
          batch.outputTokens,
          batch.reasoningTokens,
          batch.counts.done,
        ],
        [10, 20, 200, 120, 40, 14, 2],
      );
      assert.equal((await rows.submissions.get(one))?.costNanoUsd, 10);
    });

    test('alone are settled from there alone, keep what is not said, and lose their error when they are done', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['alone', 'waiting'], () => ({
        strikes: 2,
        attempts: 3,
        error: failure,
      }));
      const failed = { target: 't', atMs: noon, error: failure };
      assert.equal(
        await items.settle(no, { alone: true }, [
          { seq: 1, state: 'alone', attempted: false, failed },
          done(2),
        ]),
        1,
      );
      assert.equal(
        await items.settle(no, { alone: true }, [
          { seq: 1, state: 'alone', attempted: true, failed, sums: noSums },
        ]),
        1,
      );
      assert.deepEqual(
        (await items.attempts(no, [1])).map(({ attempt }) => attempt),
        [4, 5],
      );
      assert.deepEqual(await items.get(no, [1]), [
        item(no, 1, { state: 'alone', strikes: 2, attempts: 5, error: failure }),
      ]);
      await items.settle(no, { alone: true }, [done(1)]);
      const [settled] = await items.get(no, [1]);
      assert.deepEqual(
        [settled?.state, settled?.strikes, settled?.attempts, settled?.error],
        ['done', 2, 6, undefined],
      );
    });

    test('go back all at once from a submission that came to nothing, but not those that are settled', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['waiting', 'waiting', 'waiting', 'waiting']);
      await items.assign(planned(no, one), { ...everything, items: 3 }, noon);
      await items.assign(planned(no, two), everything, noon);
      await items.settle(no, { submission: one }, [done(2)]);
      const to = {
        state: 'waiting',
        attempted: true,
        strikes: 1,
        dueAtMs: noon + 5,
        error: failure,
        failed: { target: 't', submission: one, atMs: noon, error: failure },
      } as const;
      assert.equal(await items.settleAll(no, { submission: one, states: ['alone'] }, to), 0);
      assert.equal(await items.settleAll(no, { submission: one }, to), 2);
      assert.equal(await items.settleAll(no, { submission: one }, to), 0);
      const all = await items.page(no, 0, 9);
      assert.equal(states(all), 'waiting done waiting submitted');
      assert.deepEqual(all[0], item(no, 1, { strikes: 1, attempts: 1, dueAtMs: noon + 5, error: failure }));
      assert.deepEqual(seqs(await items.attempts(no, [1, 2, 3, 4])), [1, 3]);
    });

    test('of some states are cancelled or expired alike, and no others', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, [
        'waiting',
        'alone',
        'twin',
        'done',
        'dead',
        'waiting',
      ]);
      assert.equal(
        await items.settleAll(
          no,
          { states: ['waiting', 'twin'] },
          { state: 'cancelled', attempted: false, error: failure },
        ),
        3,
      );
      assert.equal(
        await items.settleAll(no, { states: ['waiting', 'alone'] }, { state: 'expired', attempted: false }),
        1,
      );
      assert.equal(states(await items.page(no, 0, 9)), 'cancelled expired cancelled done dead cancelled');
      assert.deepEqual(await items.counts(no), {
        total: 6,
        done: 1,
        failed: 1,
        cancelled: 3,
        expired: 1,
        open: 0,
        twins: 0,
      });
    });

    test('are taken over by their twins, which cost nothing and wait while the original is open', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch(
        { items, ...rows },
        ['waiting', 'waiting', 'waiting', 'twin', 'twin', 'twin', 'twin'],
        (seq) => (seq > 3 ? { twinOf: seq === 7 ? 1 : seq - 3 } : {}),
      );
      assert.equal(await items.settleTwins(no), 4);
      await items.assign(planned(no, one), { ...everything, items: 2 }, noon);
      const sums = { ...noSums, costNanoUsd: 5, listNanoUsd: 10 };
      await items.settle(no, { submission: one }, [
        { ...done(1), sums },
        { seq: 2, state: 'dead', attempted: true, error: failure },
      ]);
      assert.equal(await items.settleTwins(no), 1);
      assert.equal(await items.settleTwins(no), 1);
      const twins = await items.get(no, [4, 5, 6, 7]);
      assert.equal(states(twins), 'done dead twin done');
      assert.deepEqual(
        twins[0],
        item(no, 4, {
          state: 'done',
          twinOf: 1,
          result: { segment: 1, at: 10, bytes: 9, costNanoUsd: 0, listNanoUsd: 10 },
        }),
      );
      assert.deepEqual(twins[1], item(no, 5, { state: 'dead', twinOf: 2, error: failure }));
      const batch = (await rows.batches.byNo(no)) ?? assert.fail();
      assert.deepEqual(
        [batch.costNanoUsd, batch.listNanoUsd, batch.counts],
        [5, 30, { total: 7, done: 3, failed: 2, cancelled: 0, expired: 0 }],
      );
    });

    test('as dead letters are revived, and their twins with them', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['dead', 'dead', 'rejected', 'done'], (seq) => ({
        strikes: 3,
        formStrikes: 1,
        attempts: 4,
        step: 1,
        error: failure,
        ...(seq === 2 ? { twinOf: 1 } : {}),
      }));
      assert.equal(await items.revive(no, noon + 7), 2);
      assert.equal(await items.revive(no, noon + 7), 0);
      const all = await items.page(no, 0, 9);
      assert.equal(states(all), 'waiting twin rejected done');
      assert.deepEqual(all[0], item(no, 1, { attempts: 4, dueAtMs: noon + 7 }));
      assert.deepEqual(await items.counts(no), {
        total: 4,
        done: 1,
        failed: 1,
        cancelled: 0,
        expired: 0,
        open: 2,
        twins: 1,
      });
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

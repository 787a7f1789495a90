/** Items of a batch, on every kind of store: every way out of a state, and what is repeated. By the thousand: `items-bulk.test.ts`. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import {
  done,
  everything,
  failure,
  item,
  noon,
  noSums,
  planned,
  runningBatch,
  seqs,
  states,
} from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const one = 's00000000001';
const two = 's00000000002';

for (const { name, skip, open } of kinds) {
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
}

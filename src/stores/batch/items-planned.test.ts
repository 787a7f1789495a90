/** Items of a batch, on every kind of store: how they are given to submissions. By the thousand: `items-bulk.test.ts`. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { everything, noon, planned, runningBatch, seqs, states } from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const one = 's00000000001';
const two = 's00000000002';

for (const { name, skip, open } of kinds) {
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
}

/** Items of several lanes in one batch, on every kind of store: what is done to one lane is not done to another. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import {
  added,
  everything,
  failure,
  item,
  lane,
  makeBatch,
  noon,
  planned,
  runningBatch,
} from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';
import type { Item, ItemCascade } from '../../batch/contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const one = 's00000000001';
const told = (items: readonly Item[]): readonly string[] =>
  items.map(({ lane: number, step, state }) => `${number}/${step} ${state}`);
const result = { segment: 1, at: 10, bytes: 20, costNanoUsd: 30, listNanoUsd: 40 };
const judged: ItemCascade = {
  raw: 0.25,
  confidence: 0.5,
  cheap: 'openai/gpt-4.1-nano@batch',
  cheapNanoUsd: 30,
  neutralBytes: 12,
};

for (const { name, skip, open } of kinds) {
  describe(`items of several lanes on ${name}`, { skip }, () => {
    test('are settled by lane and step where these are named', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch(
        { items, ...rows },
        ['waiting', 'waiting', 'waiting', 'waiting'],
        (seq) => ({ lane: seq <= 2 ? 0 : 1, step: seq % 2 }),
      );
      const from = { lane: 0, step: 1, states: ['waiting'] as const };
      assert.equal(await items.settleAll(no, from, { state: 'alone', attempted: false }), 1);
      assert.equal(
        await items.settleAll(
          no,
          { lane: 1, states: ['waiting'] },
          { state: 'dead', attempted: false, error: failure },
        ),
        2,
      );
      assert.deepEqual(told(await items.page(no, 0, 9)), [
        '0/1 alone',
        '0/0 waiting',
        '1/1 dead',
        '1/0 dead',
      ]);
      const counts = await items.counts(no);
      assert.deepEqual([counts.open, counts.failed], [2, 2]);
    });

    test('remember whose answers a lane’s are, and which takes what is not sure enough', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await makeBatch({ items, ...rows });
      const lanes = [
        { ...lane(no, 1), next: 2 },
        { ...lane(no, 2), role: 'opinion' as const, next: 3 },
        { ...lane(no, 3), role: 'strong' as const },
      ];
      await items.add(no, 1, added([item(no, 1, { lane: 1, cascade: judged, result })], { lanes }));
      assert.deepEqual(await items.lanes(no), lanes);
      assert.deepEqual(await items.get(no, [1]), [item(no, 1, { lane: 1, cascade: judged, result })]);
    });

    test('go on to another lane with the answer that they have, and are done with it where nothing better comes', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['waiting', 'waiting', 'waiting']);
      await items.assign(planned(no, one), everything, noon);
      const onward = {
        state: 'waiting' as const,
        lane: 2,
        step: 0,
        strikes: 0,
        dueAtMs: noon,
        attempted: true,
        cascade: judged,
      };
      const settled = [
        { seq: 1, ...onward, result },
        { seq: 2, ...onward },
      ];
      assert.equal(await items.settle(no, { submission: one }, settled), 2);
      assert.equal(await items.settle(no, { submission: one }, settled), 0, 'once');
      const [first] = await items.get(no, [1]);
      assert.deepEqual(first, item(no, 1, { lane: 2, attempts: 1, cascade: judged, result }));
      // A plain settlement leaves both as they are.
      const failed = { target: 't', atMs: noon, error: failure };
      assert.deepEqual(
        (await items.due(no, noon)).map((group) => [group.lane, group.items]),
        [[2, 2]],
      );
      await items.settleAll(no, { lane: 2, states: ['waiting'] }, { state: 'alone', attempted: false });
      await items.settle(no, { alone: true }, [
        { seq: 1, state: 'alone', attempted: true, strikes: 1, failed },
      ]);
      assert.deepEqual((await items.get(no, [1]))[0]?.result, result);
      const kept = { state: 'done', attempted: false } as const;
      const from = { states: ['waiting', 'alone', 'submitted'] as const, answered: true as const };
      assert.equal(await items.settleAll(no, from, kept), 1);
      assert.deepEqual(told(await items.page(no, 0, 9)), ['2/0 done', '2/0 alone', '0/0 submitted']);
      assert.deepEqual((await items.get(no, [1]))[0]?.cascade, judged);
    });

    test('of a submission go back to another lane alike', async () => {
      const { items, ...rows } = (await open()).batch;
      const { no } = await runningBatch({ items, ...rows }, ['waiting', 'waiting']);
      await items.assign(planned(no, one), { ...everything, items: 1 }, noon);
      const to = { state: 'waiting', lane: 3, step: 0, attempted: false } as const;
      assert.equal(await items.settleAll(no, { submission: one }, to), 1);
      assert.deepEqual(told(await items.page(no, 0, 9)), ['3/0 waiting', '0/0 waiting']);
    });
  });
}

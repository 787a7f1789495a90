/** Items by the ten thousand, and two connections that plan and settle the same batch, on every kind of store. */
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
} from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';
import type { BatchStores } from './contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

/** More than two turns of every loop, and no multiple of any part. */
const many = 10_007;
const sums = { ...noSums, costNanoUsd: 1, listNanoUsd: 2 };

async function fill(rows: BatchStores, twinsFrom = many + 1): Promise<number> {
  const { no } = await makeBatch(rows);
  for (let first = 1; first <= many; first += 4000) {
    const count = Math.min(4000, many - first + 1);
    const items = Array.from({ length: count }, (_, index) => {
      const seq = first + index;
      return seq < twinsFrom ? item(no, seq) : item(no, seq, { state: 'twin', twinOf: seq - twinsFrom + 1 });
    });
    assert.equal(await rows.items.add(no, first, added(items, { lanes: [lane(no)] })), true);
  }
  await rows.batches.move(no, ['assembling'], 'running');
  return no;
}

const idOf = (number: number): string => `s${`${number}`.padStart(11, '0')}`;

for (const { name, skip, shared, fresh, open } of kinds) {
  const sharing = skip === false && !shared ? 'memory belongs to one connection' : skip;

  describe(`ten thousand items on ${name}`, { skip }, () => {
    test('are read, planned, settled, gone back, cancelled and erased', async () => {
      const { items, ...rest } = (await open()).batch;
      const rows = { items, ...rest };
      const no = await fill(rows);
      const all = Array.from({ length: many }, (_, index) => index + 1);
      assert.deepEqual(
        (await items.names(no, 0, many)).map(({ seq }) => seq),
        all,
      );
      assert.deepEqual(
        (await items.get(no, all.toReversed())).map(({ seq }) => seq),
        all,
      );
      assert.deepEqual(await items.due(no, noon), [
        { lane: 0, step: 0, items: many, bytes: many * 90, inputTokens: many * 10, strikes: 0 },
      ]);

      const made = await items.assign(planned(no, idOf(1)), { ...everything, items: 9001 }, noon);
      assert.deepEqual([made?.items, made?.bytes], [9001, 9001 * 90]);
      assert.equal((await items.page(no, 0, many, { submission: idOf(1) })).at(-1)?.seq, 9001);

      const failed = { target: 't', atMs: noon, error: failure };
      const settled = all
        .slice(0, 4600)
        .map((seq) =>
          seq % 2 === 0
            ? { ...done(seq), sums }
            : { seq, state: 'waiting' as const, attempted: true, failed, sums },
        );
      assert.equal(await items.settle(no, { submission: idOf(1) }, settled), 4600);
      assert.equal((await items.attempts(no, all)).length, 2300);
      assert.equal(
        await items.settleAll(no, { submission: idOf(1) }, { state: 'alone', attempted: true, failed }),
        4401,
      );
      assert.equal((await items.attempts(no, all)).length, 6701);
      assert.equal(
        await items.settleAll(no, { states: ['waiting', 'alone'] }, { state: 'cancelled', attempted: false }),
        many - 2300,
      );

      const counts = { total: many, done: 2300, failed: 0, cancelled: many - 2300, expired: 0 };
      assert.deepEqual(await items.counts(no), { ...counts, open: 0, twins: 0 });
      const batch = await rest.batches.byNo(no);
      assert.deepEqual([batch?.counts, batch?.costNanoUsd, batch?.listNanoUsd], [counts, 4600, 9200]);
      await rest.batches.erase(no);
      assert.deepEqual(await items.page(no, 0, 1), []);
    });

    test('may be twins and dead letters', async () => {
      const { items, ...rest } = (await open()).batch;
      const no = await fill({ items, ...rest }, 2001);
      await items.assign(planned(no, idOf(1)), everything, noon);
      await items.settleAll(no, { submission: idOf(1) }, { state: 'dead', attempted: true, error: failure });
      // Twins name originals beyond the two thousand too, which are twins themselves: those stay.
      assert.equal(await items.settleTwins(no), many - 4000);
      assert.equal(await items.revive(no, noon), 4000);
      assert.deepEqual(await items.counts(no), {
        total: many,
        done: 0,
        failed: 0,
        cancelled: 0,
        expired: 0,
        open: many,
        twins: many - 2000,
      });
    });
  });

  describe(`two connections on ${name}`, { skip: sharing }, () => {
    test('never plan an item twice, nor count one twice', async () => {
      const url = await fresh();
      const [one, other] = [(await open(url)).batch, (await open(url)).batch];
      const no = await fill(one);
      const most = { ...everything, items: 700 };
      const plan = async (rows: BatchStores, from: number): Promise<number> => {
        let given = 0;
        for (let number = from; number < from + 100; number++) {
          const made = await rows.items.assign(planned(no, idOf(number)), most, noon);
          if (made === undefined) return given;
          given += made.items;
        }
        return assert.fail('items never end');
      };
      const [mine, theirs] = await Promise.all([plan(one, 100), plan(other, 200)]);
      assert.equal(mine + theirs, many);

      const settle = async (rows: BatchStores): Promise<number> => {
        let settled = 0;
        for (const { id } of await rows.submissions.ofBatch(no)) {
          const items = await rows.items.page(no, 0, 1000, { submission: id });
          settled += await rows.items.settle(
            no,
            { submission: id },
            items.map(({ seq }) => ({ ...done(seq), sums })),
          );
        }
        return settled;
      };
      const [first, second] = await Promise.all([settle(one), settle(other)]);
      assert.equal(first + second, many);
      const batch = await one.batches.byNo(no);
      assert.deepEqual([batch?.counts.done, batch?.costNanoUsd], [many, many]);
    });

    test('never add the same lines twice', async () => {
      const url = await fresh();
      const [one, other] = [(await open(url)).batch, (await open(url)).batch];
      const { no } = await makeBatch(one);
      const lines = (first: number) =>
        added(Array.from({ length: 50 }, (_, index) => item(no, first + index)));
      const addAll = async (rows: BatchStores): Promise<number> => {
        let taken = 0;
        for (let first = 1; first <= 1000; first += 50)
          if (await rows.items.add(no, first, lines(first))) taken++;
        return taken;
      };
      const [mine, theirs] = await Promise.all([addAll(one), addAll(other)]);
      assert.equal(mine + theirs, 20);
      assert.equal((await one.items.counts(no)).total, 1000);
    });
  });
}

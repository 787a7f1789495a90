/** What `contract.ts` promises of requests that are gathered into batches, and of several processes at once, on every kind of store. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { addAll, answer, ids, queued } from '../../../test/support/queued.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';
import type { NewQueuedRequest } from '../../queue/contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

for (const { name, skip, shared, fresh, open } of kinds) {
  describe(`requests for a batch on ${name}`, { skip }, () => {
    const inBatch = (id: string, changes: Partial<NewQueuedRequest> = {}): NewQueuedRequest =>
      queued(id, { way: 'batch', group: 'g', ...changes });

    test('are told of by group, the earliest first', async () => {
      const { queue } = await open();
      await addAll(queue, [
        inBatch('a', { group: 'late', createdAtMs: 9 }),
        inBatch('b', { createdAtMs: 5, body: Buffer.from('123') }),
        inBatch('c', { createdAtMs: 2, body: Buffer.from('45'), deadlineAtMs: 77 }),
        queued('d', { group: 'g' }),
      ]);
      assert.deepEqual((await queue.groups(9))[0], {
        group: 'g',
        requests: 2,
        bytes: 5,
        firstAtMs: 2,
        earliestDeadlineAtMs: 77,
      });
      assert.deepEqual(
        (await queue.groups(9)).map(({ group }) => group),
        ['g', 'late'],
      );
      assert.equal((await queue.groups(1)).length, 1);
    });

    test('are gathered once under one flush, and become items in the order of their ids', async () => {
      const { queue } = await open();
      await addAll(
        queue,
        ['d', 'a', 'c', 'b', 'e'].map((id, index) => inBatch(id, { createdAtMs: index })),
      );
      assert.equal(await queue.gather('g', 'f1', 4), 4);
      assert.equal(await queue.gather('g', 'f1', 4), 4);
      assert.deepEqual(await queue.openFlushes(), ['f1']);
      // One that is cancelled now keeps its place: whatever was written of it stays true.
      assert.equal(await queue.cancel('app', 'b', 5), true);
      const gathered = await queue.gathered('f1', '', 9);
      assert.deepEqual(
        gathered.map(({ id, state }) => `${id} ${state}`),
        ['a gathered', 'b cancelled', 'c gathered', 'd gathered'],
      );
      assert.deepEqual(
        (await queue.gathered('f1', 'a', 1)).map(({ id }) => id),
        ['b'],
      );
      assert.equal(await queue.batched('f1', 7), 3);
      assert.equal(await queue.batched('f1', 7), 0);
      assert.deepEqual(await queue.openFlushes(), []);
      assert.deepEqual(await queue.openBatches(), [7]);
      const items = await queue.ofBatch(7, 0, 9);
      assert.deepEqual(
        items.map(({ id, batch, state }) => ({ id, batch, state })),
        [
          { id: 'a', batch: { no: 7, seq: 1 }, state: 'batched' },
          { id: 'c', batch: { no: 7, seq: 3 }, state: 'batched' },
          { id: 'd', batch: { no: 7, seq: 4 }, state: 'batched' },
        ],
      );
      assert.deepEqual(
        (await queue.ofBatch(7, 1, 1)).map(({ id }) => id),
        ['c'],
      );
    });

    test('end as their items did, each once', async () => {
      const { queue } = await open();
      await addAll(
        queue,
        ['a', 'b', 'c', 'd'].map((id) => inBatch(id)),
      );
      await queue.gather('g', 'f', 9);
      await queue.batched('f', 3);
      await queue.cancel('app', 'd', 5);
      const settled = [
        { id: 'a', state: 'answered', answer, costNanoUsd: 9 },
        { id: 'b', state: 'failed', answer: { ...answer, status: 400 }, costNanoUsd: 0 },
        { id: 'd', state: 'answered', answer, costNanoUsd: 9 },
        { id: 'none', state: 'answered', answer, costNanoUsd: 9 },
      ] as const;
      assert.equal(await queue.settleBatched(settled, 50), 2);
      assert.equal(await queue.settleBatched(settled, 60), 0);
      const [a, b, d] = await Promise.all(['a', 'b', 'd'].map((id) => queue.get('app', id)));
      assert.deepEqual(
        [a?.state, a?.answer, a?.costNanoUsd, a?.endedAtMs, b?.state, d?.state],
        ['answered', answer, 9, 50, 'failed', 'cancelled'],
      );
      assert.deepEqual(
        (await queue.ofBatch(3, 0, 9)).map(({ id }) => id),
        ['c'],
      );
      await queue.settleBatched([{ id: 'c', state: 'cancelled', answer, costNanoUsd: 0 }], 70);
      assert.deepEqual(await queue.openBatches(), []);
    });

    test('go through the queue where no batch comes of them', async () => {
      const { queue } = await open();
      await addAll(queue, [
        inBatch('a'),
        inBatch('b'),
        inBatch('c', { group: 'other' }),
        inBatch('d', { group: 'third' }),
      ]);
      await queue.gather('g', 'f', 9);
      assert.equal(await queue.toQueue({ flush: 'f' }, 2_000), 2);
      assert.equal(await queue.toQueue({ flush: 'f' }, 2_000), 0);
      assert.equal(await queue.toQueue({ group: 'other' }, 2_000), 1);
      assert.deepEqual(ids(await queue.claim(2_000, 1, 9)).toSorted(), ['a', 'b', 'c']);
      assert.equal((await queue.get('app', 'a'))?.flush, undefined);
      assert.deepEqual(
        (await queue.groups(9)).map(({ group }) => group),
        ['third'],
      );
    });
  });

  describe(`several processes on ${name}`, {
    skip: skip === false && !shared ? 'memory belongs to one' : skip,
  }, () => {
    test('never claim or gather the same', async () => {
      const url = await fresh();
      const stores = [await open(url), await open(url), await open(url)];
      const first = stores[0];
      assert.ok(first !== undefined);
      for (let index = 0; index < 90; index++) {
        await first.queue.add(queued(`q${index}`, { rankMs: index }));
        await first.queue.add(queued(`b${index}`, { way: 'batch', group: 'g' }));
      }
      const claims = await Promise.all(
        stores.flatMap(({ queue }) => Array.from({ length: 10 }, () => queue.claim(2_000, 30_000, 3))),
      );
      const claimed = claims.flatMap(ids);
      assert.equal(new Set(claimed).size, claimed.length);
      assert.equal(
        claims.every((claim) => claim.length <= 3),
        true,
      );
      const left = await first.queue.claim(2_000, 30_000, 99);
      assert.equal(claimed.length + left.length, 90);

      const gathered = await Promise.all(
        stores.map(({ queue }, index) => queue.gather('g', `f${index}`, 40)),
      );
      const total = gathered.reduce((sum, one) => sum + one, 0);
      const rest = await first.queue.gather('g', 'rest', 99);
      assert.equal(total + rest, 90);
    });
  });
}

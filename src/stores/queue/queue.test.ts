/** What `contract.ts` promises of requests that wait, on every kind of store. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { addAll, answer, claimOne, ids, queued, settle } from '../../../test/support/queued.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

for (const { name, skip, open } of kinds) {
  describe(`requests that wait on ${name}`, { skip }, () => {
    test('come back as they were, to their owner alone', async () => {
      const { queue } = await open();
      const request = queued('areq_1', {
        team: 'search',
        body: Uint8Array.from([0, 255, 123, 10, 0x80]),
        headers: { 'anthropic-beta': 'a,b' },
        tags: ['one', 'two'],
        webhook: { url: 'https://example.com/hook', metadata: { of: 'me' } },
        idempotencyKey: 'once',
      });
      const wanted = { ...request, state: 'waiting', tries: 0, costNanoUsd: 0 };
      assert.deepEqual(await queue.add(request), { request: wanted, existing: false });
      assert.deepEqual(await queue.get('app', 'areq_1'), wanted);
      assert.equal(await queue.get('other', 'areq_1'), undefined);
      assert.equal(await queue.get('app', 'areq_2'), undefined);
    });

    test('are made once by one idempotency key of one owner, however often they are asked for', async () => {
      const { queue } = await open();
      const first = await queue.add(queued('a', { idempotencyKey: 'k' }));
      const again = await Promise.all(
        ['b', 'c', 'd'].map((id) => queue.add(queued(id, { idempotencyKey: 'k' }))),
      );
      for (const one of again) assert.deepEqual(one, { request: first.request, existing: true });
      assert.equal((await queue.add(queued('e', { owner: 'other', idempotencyKey: 'k' }))).existing, false);
      // A caller that was not answered asks again, without a key.
      assert.equal((await queue.add(queued('f'))).existing, false);
      assert.equal((await queue.add(queued('f'))).existing, true);
      assert.equal(await queue.get('app', 'b'), undefined);
    });

    test('are made together, each once', async () => {
      const { queue } = await open();
      await queue.add(queued('before', { idempotencyKey: 'k' }));
      const added = await queue.addAll([
        queued('a'),
        queued('b', { idempotencyKey: 'k' }),
        queued('c', { idempotencyKey: 'new' }),
        queued('d', { idempotencyKey: 'new' }),
      ]);
      assert.deepEqual(
        added.map(({ request: { id }, existing }) => `${id} ${existing}`),
        ['a false', 'before true', 'c false', 'c true'],
      );
      assert.deepEqual(await queue.addAll([]), []);
      assert.equal((await queue.get('app', 'a'))?.state, 'waiting');
      assert.equal(await queue.get('app', 'd'), undefined);
    });

    test('keep bodies of megabytes as they came', async () => {
      const { queue } = await open();
      const body = Buffer.alloc(8_000_000, 'x');
      body.writeUInt8(0, 7_999_999);
      await queue.add(queued('large', { body }));
      const [held] = await queue.claim(2_000, 1, 1);
      assert.ok(held !== undefined && Buffer.compare(held.request.body, body) === 0);
    });

    test('are claimed by rank, once due, each by one', async () => {
      const { queue } = await open();
      await addAll(queue, [
        queued('c', { rankMs: 30 }),
        queued('a', { rankMs: 10 }),
        queued('later', { rankMs: 1, dueAtMs: 9_000 }),
        queued('batch', { rankMs: 1, way: 'batch' }),
        queued('b', { rankMs: 20 }),
      ]);
      assert.deepEqual(await queue.claim(2_000, 30_000, 0), []);
      const first = await queue.claim(2_000, 30_000, 2);
      assert.deepEqual(ids(first), ['a', 'b']);
      assert.deepEqual(
        first.map(({ request: { state, tries }, fence }) => ({ state, tries, fence })),
        [
          { state: 'calling', tries: 1, fence: 1 },
          { state: 'calling', tries: 1, fence: 1 },
        ],
      );
      assert.deepEqual(ids(await queue.claim(2_000, 30_000, 9)), ['c']);
      assert.deepEqual(await queue.claim(2_000, 30_000, 9), []);
      assert.equal(await queue.nextDueMs(), 9_000);
      assert.deepEqual(ids(await queue.claim(9_000, 30_000, 9)), ['later']);
      assert.equal(await queue.nextDueMs(), 32_000);
    });

    test('whose deadline is near are claimed alone where that is asked', async () => {
      const { queue } = await open();
      await addAll(queue, [
        queued('a', { rankMs: 10 }),
        queued('soon', { rankMs: 30, deadlineAtMs: 5_000 }),
        queued('sooner', { rankMs: 40, deadlineAtMs: 4_000 }),
        queued('b', { rankMs: 20 }),
      ]);
      assert.deepEqual(ids(await queue.claim(2_000, 1_000, 3, { deadlineBeforeMs: 6_000 })), [
        'sooner',
        'soon',
      ]);
      assert.deepEqual(ids(await queue.claim(2_000, 1_000, 3, { deadlineBeforeMs: 6_000 })), []);
      assert.deepEqual(ids(await queue.claim(2_000, 1_000, 3)), ['a', 'b']);
    });

    test('of routes that have no room are passed over where that is asked', async () => {
      const { queue } = await open();
      await addAll(queue, [
        queued('a', { rankMs: 10, route: 'full' }),
        queued('b', { rankMs: 20 }),
        queued('c', { rankMs: 30, route: 'other' }),
      ]);
      assert.deepEqual(ids(await queue.claim(2_000, 1_000, 1, { exceptRoutes: ['full', 'other'] })), ['b']);
      assert.deepEqual(ids(await queue.claim(2_000, 1_000, 3)), ['a', 'c']);
    });

    test('wait again when they are released, and count a try only where one was made', async () => {
      const { queue } = await open();
      await queue.add(queued('a'));
      assert.equal(await queue.release(await claimOne(queue), 3_000, false), true);
      assert.equal((await queue.get('app', 'a'))?.tries, 0);
      assert.deepEqual(await queue.claim(2_999, 30_000, 1), []);
      const held = await claimOne(queue, 3_000);
      assert.equal(held.fence, 2);
      assert.equal(await queue.release(held, 4_000), true);
      assert.equal(await queue.release(held, 5_000), false);
      const { state, tries, dueAtMs } = (await queue.get('app', 'a')) ?? {};
      assert.deepEqual({ state, tries, dueAtMs }, { state: 'waiting', tries: 1, dueAtMs: 4_000 });
    });

    test('are taken up by another once the lease of one that died has ended, and not while it is renewed', async () => {
      const { queue } = await open();
      await queue.add(queued('a'));
      const held = await claimOne(queue);
      assert.deepEqual(await queue.renew([held], 40_000), []);
      assert.deepEqual(await queue.claim(39_999, 30_000, 1), []);
      const other = await claimOne(queue, 40_000);
      assert.equal(other.request.tries, 2);
      // What the first does now does nothing.
      assert.deepEqual(await queue.renew([held, other], 41_000), [held]);
      assert.equal(await settle(queue, held, 'answered', answer, 5, 41_000), false);
      assert.equal(await queue.release(held, 1), false);
      assert.equal((await queue.get('app', 'a'))?.state, 'calling');
      assert.equal(await settle(queue, other, 'failed', { ...answer, status: 504 }, 5, 42_000), true);
      const ended = await queue.get('app', 'a');
      assert.deepEqual(ended?.answer, { ...answer, status: 504 });
      assert.equal(ended?.costNanoUsd, 5);
      assert.equal(ended?.endedAtMs, 42_000);
      assert.equal(await settle(queue, other, 'answered', answer, 5, 43_000), false);
      assert.deepEqual(await queue.claim(99_000, 30_000, 1), []);
      assert.equal(await queue.nextDueMs(), undefined);
    });

    test('can be cancelled until they have ended, and the answer of one that is called is not kept', async () => {
      const { queue } = await open();
      await addAll(queue, [queued('a', { rankMs: 1 }), queued('b', { rankMs: 2 })]);
      const held = await claimOne(queue);
      assert.equal(await queue.cancel('other', 'a', 5), false);
      assert.equal(await queue.cancel('app', 'a', 5), true);
      assert.equal(await queue.cancel('app', 'a', 6), false);
      assert.equal(await settle(queue, held, 'answered', answer, 5, 7), false);
      assert.equal(await queue.cancel('app', 'b', 5), true);
      assert.deepEqual(await queue.claim(2_000, 1, 9), []);
      const { state, endedAtMs, answer: kept } = (await queue.get('app', 'a')) ?? {};
      assert.deepEqual({ state, endedAtMs, kept }, { state: 'cancelled', endedAtMs: 5, kept: undefined });
    });

    test('are listed to their owner, the newest first, without what they ask', async () => {
      const { queue } = await open();
      await addAll(queue, [queued('c'), queued('a'), queued('b'), queued('d', { owner: 'other' })]);
      await settle(queue, await claimOne(queue), 'answered', answer, 5, 42);
      const listed = await queue.list('app', 2);
      assert.deepEqual(
        listed.map(({ id }) => id),
        ['c', 'b'],
      );
      assert.ok(listed.every((one) => !('body' in one) && !('answer' in one)));
      assert.deepEqual(
        (await queue.list('app', 9, 'b')).map(({ id }) => id),
        ['a'],
      );
      assert.deepEqual(await queue.list('nobody', 9), []);
    });

    test('are counted by way and lane', async () => {
      const { queue } = await open();
      await addAll(queue, [
        queued('a', { createdAtMs: 5 }),
        queued('b', { createdAtMs: 4 }),
        queued('c', { priority: 'low', createdAtMs: 3 }),
        queued('d', { priority: 'low', way: 'batch', createdAtMs: 2 }),
        queued('e', { createdAtMs: 1, rankMs: 0 }),
      ]);
      await claimOne(queue);
      assert.deepEqual(await queue.depths(), [
        { way: 'batch', priority: 'low', waiting: 1, oldestAtMs: 2 },
        { way: 'queue', priority: 'low', waiting: 1, oldestAtMs: 3 },
        { way: 'queue', priority: 'normal', waiting: 2, oldestAtMs: 4 },
      ]);
    });

    test('have their webhooks told once of their end, and not before it', async () => {
      const { queue, batch } = await open();
      const webhook = { url: 'https://example.com/hook' };
      await addAll(queue, [
        queued('a', { webhook, rankMs: 1 }),
        queued('b', { webhook, rankMs: 2 }),
        queued('c'),
      ]);
      assert.deepEqual(await queue.untold(9), []);
      await settle(queue, await claimOne(queue), 'answered', answer, 5, 42);
      await queue.cancel('app', 'b', 41);
      await queue.cancel('app', 'c', 40);
      assert.deepEqual(
        (await queue.untold(9)).map(({ id }) => id),
        ['b', 'a'],
      );
      assert.equal((await queue.untold(1)).length, 1);
      const delivery = { id: 'evt_a', url: webhook.url, body: '{}', tries: 0, dueAtMs: 50, createdAtMs: 50 };
      assert.equal(await queue.tell('a', delivery), true);
      assert.equal(await queue.tell('a', { ...delivery, id: 'evt_again' }), false);
      assert.equal(await queue.tell('c', { ...delivery, id: 'evt_c' }), false);
      assert.deepEqual(
        (await queue.untold(9)).map(({ id }) => id),
        ['b'],
      );
      assert.deepEqual(await batch.deliveries.claim(60, 1, 9), [delivery]);
      assert.equal(await batch.deliveries.prune(50), 0);
      assert.equal(await batch.deliveries.prune(51), 1);
    });

    test('are pruned by when they ended', async () => {
      const { queue } = await open();
      await addAll(
        queue,
        Array.from({ length: 1_050 }, (_, index) => queued(`p${index}`)),
      );
      await queue.add(queued('open'));
      for (let index = 0; index < 1_050; index++) await queue.cancel('app', `p${index}`, index);
      assert.equal(await queue.prune(1_040), 1_040);
      assert.equal(await queue.get('app', 'p1039'), undefined);
      assert.equal((await queue.get('app', 'p1040'))?.state, 'cancelled');
      assert.equal((await queue.get('app', 'open'))?.state, 'waiting');
    });
  });
}

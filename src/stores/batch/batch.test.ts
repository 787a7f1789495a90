/** Files and batches, on every kind of store. Work, items and the rest have files of their own. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import {
  added,
  created,
  done,
  everything,
  item,
  makeBatch,
  noon,
  planned,
  runningBatch,
} from '../../../test/support/batch-rows.ts';
import { startStoreKinds } from '../../../test/support/stores.ts';
import { type BatchState, batchStates, batchTransitions, type StoredFile } from '../../batch/contract.ts';
import type { Paged } from '../../batch/desk/contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

function file(id: string, changes: Partial<StoredFile> = {}): StoredFile {
  return {
    id,
    owner: 'search',
    filename: `${id}.jsonl`,
    purpose: 'batch',
    bytes: 10,
    blob: `files/${id}`,
    createdAtMs: noon,
    ...changes,
  };
}

const ids = ({ data, hasMore }: Paged<{ readonly id: string }>): string =>
  `${data.map(({ id }) => id).join(' ')}${hasMore ? ' …' : ''}`;

/** How a batch comes into each state. */
const roads: Readonly<Record<BatchState, readonly BatchState[]>> = {
  assembling: [],
  running: ['running'],
  cancelling: ['cancelling'],
  finishing: ['finishing'],
  completed: ['finishing', 'completed'],
  failed: ['failed'],
  cancelled: ['finishing', 'cancelled'],
  expired: ['finishing', 'expired'],
};

for (const { name, skip, shared, fresh, open } of kinds) {
  describe(`files on ${name}`, { skip }, () => {
    test('come back as they were, to their owner alone, until they expire', async () => {
      const { files } = (await open()).batch;
      const one = file('file-a', { filename: 'nul\0 “é”.jsonl', bytes: 5e9, expiresAtMs: noon + 10 });
      await files.create(one);
      await files.create({ ...one, bytes: 1 });
      assert.deepEqual(await files.get('search', 'file-a', noon + 9), {
        ...one,
        filename: 'nul\uFFFD “é”.jsonl',
      });
      assert.equal(await files.get('mail', 'file-a', noon), undefined);
      assert.equal(await files.get('search', 'file-a', noon + 10), undefined);
      assert.equal(await files.remove('mail', 'file-a'), false);
      assert.equal(await files.remove('search', 'file-a'), true);
      assert.equal(await files.remove('search', 'file-a'), false);
    });

    test('are listed newest or oldest first, forwards and backwards', async () => {
      const { files } = (await open()).batch;
      for (const [index, id] of ['a', 'c', 'b', 'e', 'd'].entries()) {
        await files.create(file(id, { createdAtMs: noon + Math.floor(index / 2) }));
      }
      await files.create(file('other', { owner: 'mail' }));
      await files.create(file('out', { purpose: 'batch_output', createdAtMs: noon + 9 }));
      await files.create(file('old', { expiresAtMs: noon }));
      const list = async (page: Parameters<typeof files.list>[1]) =>
        ids(await files.list('search', page, noon));
      assert.equal(await list({ limit: 10 }), 'out d e b c a');
      assert.equal(await list({ limit: 10, purpose: 'batch', ascending: true }), 'a c b e d');
      assert.equal(await list({ limit: 2 }), 'out d …');
      assert.equal(await list({ limit: 2, after: 'd' }), 'e b …');
      assert.equal(await list({ limit: 2, after: 'b' }), 'c a');
      assert.equal(await list({ limit: 2, before: 'c' }), 'e b …');
      assert.equal(await list({ limit: 3, before: 'd' }), 'out');
      assert.equal(await list({ limit: 2, after: 'c', ascending: true }), 'b e …');
      assert.equal(await list({ limit: 2, before: 'e', ascending: true }), 'c b …');
      assert.equal(await list({ limit: 2, after: 'other' }), '');
    });

    test('that expired are found for the sweep, longest expired first', async () => {
      const { files } = (await open()).batch;
      await files.create(file('a', { expiresAtMs: noon + 2 }));
      await files.create(file('b', { expiresAtMs: noon + 1, owner: 'mail' }));
      await files.create(file('c', { expiresAtMs: noon + 3 }));
      await files.create(file('d'));
      assert.deepEqual(
        (await files.expired(noon + 2, 9)).map(({ id }) => id),
        ['b', 'a'],
      );
      assert.deepEqual(
        (await files.expired(noon + 2, 1)).map(({ id }) => id),
        ['b'],
      );
    });
  });

  describe(`batches on ${name}`, { skip }, () => {
    test('come back as they were, also to a store that is opened again', async () => {
      const url = await fresh();
      const { batches } = (await open(url)).batch;
      const wanted = created('batch_a', {
        team: 'web',
        inputFileId: 'file-a',
        metadata: { 'a\0': '“é” \ud83d' },
        tags: ['x', 'y'],
        priority: 'low',
        webhook: { url: 'https://example.com/hook', metadata: { a: 'b' } },
        idempotencyKey: 'once',
        reuseMs: 5,
        keepMs: 6,
      });
      const { batch, existing } = await batches.create(wanted);
      assert.equal(existing, false);
      assert.equal(batch.state, 'assembling');
      assert.deepEqual(batch.counts, { total: 0, done: 0, failed: 0, cancelled: 0, expired: 0 });
      for (const [member, value] of Object.entries(wanted)) {
        assert.deepEqual(Object.entries(batch).find(([name]) => name === member)?.[1], value, member);
      }
      const again = shared ? (await open(url)).batch.batches : batches;
      assert.deepEqual(await again.get('search', 'batch_a'), batch);
      assert.deepEqual(await again.byNo(batch.no), batch);
      assert.equal(await again.get('mail', 'batch_a'), undefined);
      assert.equal(await again.byNo(batch.no + 1), undefined);
    });

    test('of one idempotency key are one, however many ask at once; another owner has keys of his own', async () => {
      const { batches } = (await open()).batch;
      const made = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          batches.create(created(`batch_${index}`, { idempotencyKey: 'once' })),
        ),
      );
      assert.equal(new Set(made.map(({ batch }) => batch.id)).size, 1);
      assert.equal(made.filter(({ existing }) => !existing).length, 1);
      const other = await batches.create(created('batch_x', { owner: 'mail', idempotencyKey: 'once' }));
      assert.equal(other.existing, false);
      const [first] = made;
      const repeated = await batches.create(created('batch_x', { owner: 'mail' }));
      assert.deepEqual(repeated, { batch: other.batch, existing: true });
      assert.ok(other.batch.no > (first?.batch.no ?? 0));
    });

    test('are listed newest first, forwards and backwards, without those deleted', async () => {
      const rows = (await open()).batch;
      for (const id of ['a', 'b', 'c', 'd', 'e'])
        await makeBatch(rows, id, id === 'b' ? { shape: 'jobs' } : {});
      await makeBatch(rows, 'other', { owner: 'mail' });
      const list = async (page: Parameters<typeof rows.batches.list>[1]) =>
        ids(await rows.batches.list('search', page));
      assert.equal(await list({ limit: 9 }), 'e d c b a');
      assert.equal(await list({ limit: 9, shape: 'openai' }), 'e d c a');
      assert.equal(await list({ limit: 2 }), 'e d …');
      assert.equal(await list({ limit: 2, after: 'd' }), 'c b …');
      assert.equal(await list({ limit: 3, after: 'd' }), 'c b a');
      assert.equal(await list({ limit: 2, before: 'a' }), 'c b …');
      assert.equal(await list({ limit: 2, before: 'c' }), 'e d');
      assert.equal(await list({ limit: 2, after: 'other' }), '');
      const c = await rows.batches.get('search', 'c');
      await rows.batches.patch(c?.no ?? 0, { deletedAtMs: noon });
      assert.equal(await list({ limit: 2, after: 'd' }), 'b a');
      assert.equal(await list({ limit: 2, after: 'c' }), 'b a');
    });

    test('make every change of state that the table has, and no other', async () => {
      const rows = (await open()).batch;
      for (const from of batchStates) {
        for (const to of batchStates) {
          const { no } = await makeBatch(rows, `${from}-${to}`);
          for (const step of roads[from])
            assert.ok(await rows.batches.move(no, batchStates, step), `${from}: ${step}`);
          const moved = await rows.batches.move(no, batchStates, to, { estimateNanoUsd: 7 });
          assert.equal(moved, batchTransitions[from].includes(to), `${from} to ${to}`);
          const batch = await rows.batches.byNo(no);
          assert.equal(batch?.state, moved ? to : from);
          assert.equal(batch?.estimateNanoUsd, moved ? 7 : 0);
          assert.equal(
            await rows.batches.move(
              no,
              batchStates.filter((state) => state !== batch?.state),
              'running',
            ),
            false,
          );
        }
      }
    });

    test('take what is patched, and forget their end when they run again', async () => {
      const { batches, ...rows } = (await open()).batch;
      const { no } = await makeBatch({ batches, ...rows });
      const patch = {
        problems: [{ line: 3, code: 'x', message: 'y', param: 'z' }],
        outputs: { output: 'file-o' },
        runningAtMs: 1,
        finishingAtMs: 2,
        endedAtMs: 4,
        deadlineAtMs: 6,
        model: 'nul\0 “m”',
      };
      await batches.move(no, ['assembling'], 'finishing', patch);
      await batches.patch(no, {});
      await batches.move(no, ['finishing'], 'completed');
      const { problems, outputs, ...completed } = (await batches.byNo(no)) ?? assert.fail();
      assert.deepEqual({ problems, outputs }, { problems: patch.problems, outputs: patch.outputs });
      assert.deepEqual(
        [completed.runningAtMs, completed.finishingAtMs, completed.endedAtMs, completed.deadlineAtMs],
        [1, 2, 4, 6],
      );
      assert.equal(completed.model, 'nul\uFFFD “m”');
      await batches.move(no, ['completed'], 'running', { cancellingAtMs: 3 });
      const running = (await batches.byNo(no)) ?? assert.fail();
      assert.deepEqual(
        [running.runningAtMs, running.cancellingAtMs, running.finishingAtMs, running.endedAtMs],
        [1, 3, undefined, undefined],
      );
      assert.deepEqual(await batches.ended(99, 9), []);
    });

    test('that ended or were deleted are swept, with all their rows and no others', async () => {
      const rows = (await open()).batch;
      const gone = await runningBatch(rows, ['waiting', 'waiting', 'alone']);
      const kept = await makeBatch(rows, 'batch_kept');
      await rows.items.add(kept.no, 1, added([item(kept.no, 1)]));
      for (const { no } of [gone, kept]) {
        await rows.items.assign(planned(no, `s0000000000${no}`), { ...everything, items: 1 }, noon);
        const segment = await rows.items.addSegment(no, `segments/${no}`);
        assert.equal(segment, 1);
        await rows.items.settle(no, { submission: `s0000000000${no}` }, [
          done(1, {
            failed: { target: 't', atMs: 1, error: { code: 'internal', message: 'm', status: 500 } },
          }),
        ]);
        await rows.answers.add([
          {
            owner: 'search',
            hash: `h${no}`,
            shape: 'openai',
            blob: `segments/${no}`,
            at: 0,
            bytes: 1,
            target: 't',
            listNanoUsd: 1,
            atMs: 1,
          },
        ]);
        await rows.deliveries.add({
          id: `d${no}`,
          batchNo: no,
          url: 'u',
          body: 'b',
          tries: 0,
          dueAtMs: 1,
          createdAtMs: 1,
        });
      }
      assert.deepEqual(await rows.batches.ended(noon + 9, 9), []);
      await rows.batches.move(gone.no, ['running'], 'finishing');
      await rows.batches.move(gone.no, ['finishing'], 'completed', { endedAtMs: noon });
      assert.deepEqual(await rows.batches.ended(noon, 9), []);
      assert.deepEqual(
        (await rows.batches.ended(noon + 1, 9)).map(({ no }) => no),
        [gone.no],
      );
      await rows.batches.patch(gone.no, { deletedAtMs: noon + 1 });
      assert.deepEqual(
        (await rows.batches.ended(0, 9)).map(({ no }) => no),
        [gone.no],
      );
      await rows.batches.erase(gone.no);
      await rows.batches.erase(gone.no);

      const left = async (no: number) => [
        await rows.batches.byNo(no),
        await rows.items.page(no, 0, 9),
        await rows.items.attempts(no, [1]),
        await rows.items.lanes(no),
        await rows.items.segments(no),
        await rows.submissions.ofBatch(no),
        await rows.answers.find('search', [`h${no}`], 0),
        await rows.deliveries.ofBatch(no),
      ];
      assert.deepEqual(await left(gone.no), [undefined, [], [], [], [], [], [], []]);
      const [batch, ...rest] = await left(kept.no);
      assert.notEqual(batch, undefined);
      assert.deepEqual(
        rest.map((list) => (Array.isArray(list) ? list.length : 0)),
        [1, 1, 0, 1, 1, 1, 1],
      );
      assert.ok((await makeBatch(rows, 'batch_next')).no > kept.no, 'a number is used again');
    });
  });
}

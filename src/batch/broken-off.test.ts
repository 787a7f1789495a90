/** What must be in the rows at the very moment that a step is broken off, on a real store; whole processes are killed in `test/batch-crash.test.ts`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { claimSubmission, everything, noon, planned, runningBatch } from '../../test/support/batch-rows.ts';
import { batchWorld } from '../../test/support/batch-world.ts';
import { createFakeClock } from '../../test/support/clock.ts';
import { endpoint as chatOf, model, policy, target } from '../../test/support/router.ts';
import { GatewayError } from '../core/errors.ts';
import type { BatchEndpoint, BatchResult, ChatEndpoint, Found } from '../providers/contract.ts';
import type { LedgerEntry, Stores } from '../stores/contract.ts';
import { openStores } from '../stores/open.ts';
import { adopt } from './adopt.ts';
import { collect } from './collect.ts';
import type { Batch, Lane, SubmissionState } from './contract.ts';
import type { Encoded } from './encode.ts';
import { settleRefused } from './go-back.ts';
import { poll } from './poll.ts';
import { run } from './run.ts';
import { defaultBatchSettings } from './settings.ts';
import { Held } from './steps.ts';
import { whileHeld } from './submit.ts';
import type { BatchWorldInside } from './world.ts';

const id = 's00000000001';
const folder = mkdtempSync(join(tmpdir(), 'intermodal-broken-off-'));
after(() => rmSync(folder, { recursive: true }));

class BrokenOff extends Error {}

describe('a step that is broken off', () => {
  let stores: Stores;
  let entries: LedgerEntry[];
  /** Where it breaks off. */
  let breaksAt: string | undefined;
  let found: Found;
  let stops: number;
  let results: readonly (readonly BatchResult[])[];
  /** What a poll, or reading results, says in place of anything else. */
  let trouble: GatewayError | undefined;

  beforeEach(async () => {
    stores = await openStores(':memory:');
    entries = [];
    breaksAt = undefined;
    stops = 0;
    found = { kind: 'unsure', retryAfterMs: 600_000 };
    results = [];
    trouble = undefined;
  });
  afterEach(() => stores.close());

  function worldOf(): BatchWorldInside {
    const blob = join(folder, 'input');
    writeFileSync(blob, '');
    const endpoint: BatchEndpoint = {
      limits: { mostItems: 9, mostBytes: 9_000, leastItems: 1, envelopeBytes: 0, windowMs: 1_000 },
      submit: async () => assert.fail('nothing is sent here'),
      find: async () => found,
      cancel: async () => {
        stops += 1;
      },
      poll: async () => {
        if (trouble !== undefined) throw trouble;
        return { kind: 'running', state: 'running' };
      },
      async *results() {
        if (trouble !== undefined) throw trouble;
        yield* results;
      },
    };
    const chat: ChatEndpoint = {
      ...chatOf(model()),
      readAnswer(_body, emit) {
        emit({ type: 'start', id: 'answer', model: 'some-model' });
        emit({ type: 'end' });
      },
    };
    const batches = { chat: endpoint };
    const batchTarget = target('openai/gpt-4.1-nano@batch', { mode: 'batch', chat, batches });
    return batchWorld(stores, createFakeClock(noon), {
      blobs: {
        localPath: () => blob,
        write: async () => ({ bytes: 1 }),
        async *read() {},
        async remove() {},
        shown: folder,
      },
      policy: () => policy({ target: (name) => (name.endsWith('@batch') ? batchTarget : undefined) }),
      ledger: { append: async (more) => void entries.push(...more), flush: async () => true },
      scratch: folder,
      at(place) {
        if (place === breaksAt) throw new BrokenOff(place);
      },
    });
  }

  /** Two items in a submission in that state, claimed; the batch itself is not due. */
  async function underWay(
    ...road: readonly SubmissionState[]
  ): Promise<{ batch: Batch; lane: Lane; held: Held }> {
    const rows = stores.batch;
    const { no } = await runningBatch(rows, ['waiting', 'waiting']);
    const looked = await rows.work.claim(noon, 1_000);
    await rows.items.assign(planned(no, id), everything, noon);
    const { submission, claim } = await claimSubmission(rows, id);
    const held = new Held(rows.submissions, submission, claim);
    for (const state of road) assert.ok(await held.move(state, { sentAtMs: noon - 5_000 }));
    assert.ok(looked?.kind === 'batch');
    await rows.work.release(looked, noon + 60_000);
    const batch = await rows.batches.byNo(no);
    const [lane] = await rows.items.lanes(no);
    assert.ok(batch !== undefined && lane !== undefined);
    return { batch, lane, held };
  }

  const isDue = async (): Promise<boolean> => (await stores.batch.work.claim(noon, 1_000))?.kind === 'batch';
  const stateOf = async () => (await stores.batch.submissions.get(id))?.state;
  const answered = (key: number): BatchResult => ({ kind: 'answered', key, body: {} });

  test('has written the ledger and woken the batch before a submission is collected', async () => {
    const { batch, lane, held } = await underWay('sending', 'open', 'ended');
    results = [[answered(1), answered(2)]];
    breaksAt = 'collect: after the books';
    await assert.rejects(collect(worldOf(), held, batch, lane, [lane]), BrokenOff);
    assert.deepEqual(
      entries.map((entry) => [entry.id, entry.items]),
      [[id, 2]],
    );
    assert.equal(await stateOf(), 'ended');
    assert.ok(await isDue());
  });

  test('counts an answer once that is told in two handfuls', async () => {
    const { batch, lane, held } = await underWay('sending', 'open', 'ended');
    results = [[answered(1), answered(2)], [answered(1)]];
    await collect(worldOf(), held, batch, lane, [lane]);
    assert.deepEqual(
      entries.map(({ items }) => items),
      [2],
    );
    assert.equal(await stateOf(), 'collected');
  });

  test('counts an answer when all is read again, though its item has gone on', async () => {
    const { batch, lane, held } = await underWay('sending', 'open', 'ended');
    const goneOn = { seq: 1, state: 'waiting' as const, attempted: true };
    await stores.batch.items.settle(batch.no, { submission: id }, [goneOn]);
    results = [[answered(1), answered(2)]];
    await collect(worldOf(), held, batch, lane, [lane]);
    assert.deepEqual(
      entries.map(({ items }) => items),
      [2],
    );
    const [first] = await stores.batch.items.get(batch.no, [1]);
    assert.equal(first?.state, 'waiting');
  });

  test('asks again for the end of a submission, until it is known to have asked', async () => {
    const { batch, held } = await underWay('sending', 'open');
    await held.patch({ handle: 'batch_1' });
    const cancelling = { ...batch, state: 'cancelling' as const };
    breaksAt = 'stop: after the intent';
    await assert.rejects(poll(worldOf(), held, cancelling), BrokenOff);
    assert.deepEqual([await stateOf(), stops], ['stopping', 0]);
    breaksAt = undefined;
    for (const wanted of [1, 1]) {
      await poll(worldOf(), held, cancelling);
      assert.equal(stops, wanted);
    }
  });

  for (const code of ['not_found', 'model_not_found'] as const) {
    const looks = code === 'not_found' ? 1 : 3;
    test(`ends a job that is not at its provider any more, by ${looks} looks that say ${code}`, async () => {
      const { batch, held } = await underWay('sending', 'open');
      await held.patch({ handle: 'batch_1' });
      trouble = new GatewayError(code, 'No such batch.');
      for (let look = 1; look < looks; look++) {
        await poll(worldOf(), held, batch);
        assert.equal(await stateOf(), 'open');
      }
      await poll(worldOf(), held, batch);
      assert.equal(await stateOf(), 'ended');
      assert.equal((await stores.batch.submissions.get(id))?.how, 'expired');
    });

    test(`believes no ${code} that others came between`, {
      skip: looks === 1 && 'one look decides',
    }, async () => {
      const { batch, held } = await underWay('sending', 'open');
      await held.patch({ handle: 'batch_1' });
      const found = new GatewayError(code, 'No such batch.');
      const throttled = new GatewayError('upstream_overloaded', 'Later.');
      for (const one of [found, found, undefined, found, found, throttled, found, found]) {
        trouble = one;
        await poll(worldOf(), held, batch);
        assert.equal(await stateOf(), 'open');
      }
      trouble = found;
      await poll(worldOf(), held, batch);
      assert.equal(await stateOf(), 'ended');
    });

    test(`lets items go on whose results are not there any more, by ${looks} looks that say ${code}`, async () => {
      const { batch, lane, held } = await underWay('sending', 'open', 'ended');
      trouble = new GatewayError(code, 'No such file.');
      for (let look = 1; look < looks; look++) {
        assert.ok((await collect(worldOf(), held, batch, lane, [lane])) !== undefined);
        assert.equal(await stateOf(), 'ended');
      }
      await collect(worldOf(), held, batch, lane, [lane]);
      assert.equal(await stateOf(), 'collected');
      assert.deepEqual(
        (await stores.batch.items.get(batch.no, [1, 2])).map(({ state }) => state),
        ['waiting', 'waiting'],
      );
    });
  }

  test('has woken the batch before a submission is refused', async () => {
    const { held, lane } = await underWay('sending');
    breaksAt = 'go back: after the items';
    await assert.rejects(settleRefused(worldOf(), held, lane, undefined), BrokenOff);
    assert.equal(await stateOf(), 'sending');
    assert.ok(await isDue());
  });

  test('has declared what cannot be known before its items go on', async () => {
    const { batch, held, lane } = await underWay('sending');
    breaksAt = 'adopt: after the books';
    await assert.rejects(adopt(worldOf(), held, batch, lane), BrokenOff);
    assert.deepEqual(
      entries.map((entry) => [entry.id, entry.outcome, entry.items]),
      [[id, 'unknown', 2]],
    );
    assert.equal((await stores.batch.items.counts(batch.no)).open, 2);
    assert.equal(await stateOf(), 'sending');
  });

  test('waits between two looks however long ago it was begun, since its upload may just have been cut', async () => {
    const { batch, held, lane } = await underWay('sending');
    await held.patch({ sentAtMs: noon - 3_600_000 });
    found = { kind: 'absent' };
    const { lookAgainMs } = defaultBatchSettings;
    assert.equal(await adopt(worldOf(), held, batch, lane), noon + lookAgainMs);
    assert.equal(await stateOf(), 'sending');
    await adopt(worldOf(), held, batch, lane);
    assert.equal(await stateOf(), 'refused');
  });

  test('sends nothing more once its claim is lost', async () => {
    const lost = new AbortController();
    const encoded: Encoded = {
      items: 1,
      bytes: 2,
      roughInputTokens: 0,
      worstNanoUsd: 0,
      expectedNanoUsd: 0,
      failed: [],
      async *lines() {
        yield [{ key: 1, body: '{}' }];
        lost.abort();
      },
      async remove() {},
    };
    const seen: number[] = [];
    await assert.rejects(async () => {
      for await (const handful of whileHeld(encoded, lost.signal).lines()) seen.push(handful.length);
    }, /claim/);
    assert.deepEqual(seen, [1]);
  });

  test('leaves no submission that may be lost asleep when its batch runs out of time', async () => {
    const { batch, held } = await underWay('sending');
    await stores.batch.work.release(
      { kind: 'submission', ...held, submission: held.submission },
      noon + 600_000,
    );
    await run(worldOf(), { ...batch, deadlineAtMs: noon }, new AbortController().signal);
    const work = await stores.batch.work.claim(noon, 1_000);
    assert.equal(work?.kind === 'submission' ? work.submission.id : undefined, id);
  });
});

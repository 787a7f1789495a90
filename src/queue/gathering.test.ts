/** How requests become batches and their items' results answers, on real rows, beside a batch road that does as it is told. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { batchOf } from '../../test/support/batch-shape.ts';
import { queued } from '../../test/support/queued.ts';
import type { FinalItem } from '../batch/shape/contract.ts';
import type { WaitingPolicy } from '../router/contract.ts';
import type { Stores } from '../stores/contract.ts';
import { openStores } from '../stores/open.ts';
import type { NewQueuedRequest, QueuedRequest } from './contract.ts';
import { Gatherer } from './gather.ts';
import type { BatchRoad, GatheredBatch } from './gathering/contract.ts';
import { groupOf } from './group.ts';
import { Settler } from './settle.ts';

const hour = 3_600_000;
const policy: WaitingPolicy = {
  syncUnderMs: 30_000,
  queueUnderMs: hour,
  flex: false,
  deadlineMs: 24 * hour,
  batchItems: 5,
  batchAgeMs: 1_000,
  leastItems: 2,
};

interface Made {
  readonly flush: string;
  readonly ids: readonly string[];
  readonly deadlineAtMs: number;
  /** By `seq`; those that are not there are open. */
  readonly results: Map<number, FinalItem>;
  state: GatheredBatch['state'];
  problem?: GatheredBatch['problem'];
  forgotten: boolean;
}

/** Remembers batches by their flush, as the real one does by its idempotency key. */
class FakeRoad implements BatchRoad {
  readonly made: Made[] = [];
  failures = 0;
  /** Items that `results` was made to read. */
  read = 0;

  async create(
    flush: string,
    deadlineAtMs: () => number,
    _first: QueuedRequest,
    pages: AsyncIterable<readonly QueuedRequest[]>,
  ): Promise<number> {
    const ids: string[] = [];
    for await (const page of pages) ids.push(...page.map(({ id }) => id));
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('the road is closed');
    }
    const before = this.made.findIndex((one) => one.flush === flush);
    if (before >= 0) return before + 1;
    this.made.push({
      flush,
      ids,
      deadlineAtMs: deadlineAtMs(),
      results: new Map(),
      state: 'running',
      forgotten: false,
    });
    return this.made.length;
  }

  async look(no: number): Promise<GatheredBatch | undefined> {
    const made = this.made[no - 1];
    if (made === undefined) return undefined;
    const { state, ids, results, problem } = made;
    return {
      state,
      dialect: 'openai-chat',
      ended: state === 'completed' || state === 'failed',
      total: ids.length,
      settled: results.size,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  async *results(no: number, known: (seq: number) => boolean): AsyncGenerator<readonly FinalItem[]> {
    const fresh = [...(this.made[no - 1]?.results ?? [])].filter(([seq]) => !known(seq));
    this.read += fresh.length;
    yield fresh.map(([, item]) => item);
  }

  async forget(no: number): Promise<void> {
    const made = this.made[no - 1];
    if (made !== undefined) made.forgotten = true;
  }

  answer(no: number, ...seqs: number[]): void {
    const made = this.made[no - 1];
    for (const seq of seqs)
      made?.results.set(seq, {
        kind: 'done',
        batch: batchOf({ no }),
        customId: made.ids[seq - 1] ?? '',
        seq,
        body: `{"seq":${seq}}`,
        provenance: {
          target: 'openai/m@batch',
          attempts: 1,
          promptHash: '',
          costNanoUsd: 5,
          listNanoUsd: 10,
        },
      });
  }
}

describe('gathering', () => {
  let stores: Stores;
  let road: FakeRoad;
  let nowMs: number;
  let passedOn: number;
  const never = (): boolean => false;

  beforeEach(async () => {
    stores = await openStores(':memory:');
    road = new FakeRoad();
    nowMs = 10_000;
    passedOn = 0;
  });
  afterEach(() => stores.close());

  function world() {
    let flushes = 0;
    return {
      rows: stores.queue,
      road,
      policy: (route: string) => (route === 'gone' ? undefined : policy),
      clock: { now: () => nowMs, after: () => () => {} },
      makeId: (prefix: string) => `${prefix}${++flushes}`,
      events: {
        gathered: () => {},
        passedOn(requests: number) {
          passedOn += requests;
        },
        settled: () => {},
      },
      poke: () => {},
      render: (dialect: string, error: Error) => ({
        status: 400,
        body: `${dialect}: ${error.message}`,
        headers: {},
      }),
      at: () => {},
    };
  }

  async function add(id: string, changes: Partial<NewQueuedRequest> = {}): Promise<void> {
    const request = queued(id, {
      way: 'batch',
      createdAtMs: nowMs,
      deadlineAtMs: nowMs + 24 * hour,
      ...changes,
    });
    await stores.queue.add({ ...request, group: groupOf(request) });
  }
  const row = async (id: string): Promise<QueuedRequest> =>
    (await stores.queue.get('app', id)) ?? assert.fail(`${id} is gone`);
  const states = async (...ids: string[]): Promise<string> =>
    (await Promise.all(ids.map(async (id) => (await row(id)).state))).join(' ');

  test('makes a batch of a full group at once, and of others when their time has come', async () => {
    const gatherer = new Gatherer(world());
    for (const id of ['a', 'b', 'c', 'd', 'e']) await add(id);
    for (const id of ['x', 'y']) await add(id, { tags: ['other'], deadlineAtMs: nowMs + 20 * hour });
    await gatherer.flushDue(never);
    assert.deepEqual(
      road.made.map(({ ids }) => ids.join('')),
      ['abcde'],
    );
    assert.deepEqual((await row('c')).batch, { no: 1, seq: 3 });
    assert.equal(await states('a', 'x'), 'batched waiting');
    nowMs += 1_000;
    await gatherer.flushDue(never);
    assert.deepEqual(
      road.made.map(({ ids }) => ids.join('')),
      ['abcde', 'xy'],
    );
    assert.equal(road.made[1]?.deadlineAtMs, 10_000 + 20 * hour);
  });

  test('leaves the batch as much time as the most hurried of it has', async () => {
    await add('a');
    await add('b', { deadlineAtMs: nowMs + 17 * hour });
    nowMs += 1_000;
    await new Gatherer(world()).flushDue(never);
    assert.equal(road.made[0]?.deadlineAtMs, 10_000 + 17 * hour);
  });

  test('passes on what is too little', async () => {
    await add('a');
    nowMs += 1_000;
    await new Gatherer(world()).flushDue(never);
    assert.deepEqual([(await row('a')).way, passedOn, road.made.length], ['queue', 1, 0]);
  });

  test('flushes what has no route any more, for the road to say so', async () => {
    await add('a', { route: 'gone' });
    await new Gatherer(world()).flushDue(never);
    assert.equal(road.made.length, 1);
  });

  test('stops where it is told to', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await add(id);
    await new Gatherer(world()).flushDue(() => true);
    assert.equal(road.made.length, 0);
  });

  test('goes on with a batch that could not be made, once', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) await add(id);
    road.failures = 1;
    const gatherer = new Gatherer(world());
    await assert.rejects(gatherer.flushDue(never), /the road is closed/);
    assert.equal(await states('a', 'e'), 'gathered gathered');
    // It may be another who is at it.
    await gatherer.resume(false);
    assert.equal(road.made.length, 0);
    nowMs += 59_999;
    await gatherer.resume(false);
    assert.equal(road.made.length, 0);
    nowMs += 1;
    await gatherer.resume(false);
    assert.equal(road.made.length, 1);
    await gatherer.resume(false);
    assert.equal(await states('a', 'e'), 'batched batched');
    assert.deepEqual(await stores.queue.openFlushes(), []);
  });

  test('goes on at once with what a start finds, with those that were cancelled meanwhile in their places', async () => {
    for (const id of ['a', 'b', 'c']) await add(id);
    await stores.queue.gather(groupOf(await row('a')), 'flush_0', 9);
    await stores.queue.cancel('app', 'b', nowMs);
    await new Gatherer(world()).resume(true);
    assert.deepEqual(road.made[0]?.ids, ['a', 'b', 'c']);
    assert.equal(await states('a', 'b', 'c'), 'batched cancelled batched');
    assert.deepEqual((await row('c')).batch, { no: 1, seq: 3 });
  });

  test('by two at once makes no request an item twice', async () => {
    for (let index = 0; index < 40; index++) await add(`r${index}`);
    const [one, other] = [world(), world()];
    let flushes = 0;
    other.makeId = (prefix) => `${prefix}other${++flushes}`;
    const [first, second] = [new Gatherer(one), new Gatherer(other)];
    for (let look = 0; look < 10; look++)
      await Promise.all([first.flushDue(never), second.flushDue(never), second.resume(true)]);
    const ids = road.made.flatMap((made) => made.ids);
    assert.equal(ids.length, 40);
    assert.equal(new Set(ids).size, 40);
  });

  test('reads what was gathered in pages, however large its bodies are', async () => {
    for (let index = 0; index < 30; index++)
      await add(`r${index}`, { body: Buffer.alloc(index < 20 ? 1_000_000 : 10, 'x') });
    const pages: number[] = [];
    const { create } = road;
    road.create = (flush, deadline, first, given) =>
      create.call(
        road,
        flush,
        deadline,
        first,
        (async function* () {
          for await (const page of given) {
            pages.push(page.length);
            yield page;
          }
        })(),
      );
    await stores.queue.gather(groupOf(await row('r0')), 'flush_0', 99);
    await new Gatherer(world()).resume(true);
    assert.equal(
      pages.reduce((sum, page) => sum + page, 0),
      30,
    );
    assert.ok(Math.max(...pages.slice(1)) <= 8, `pages of ${pages.join(', ')}`);
  });

  describe('takes results', () => {
    beforeEach(async () => {
      for (const id of ['a', 'b', 'c', 'd', 'e']) await add(id);
      await new Gatherer(world()).flushDue(never);
    });

    test('as they come, each once, and lets go of the batch at its end', async () => {
      const settler = new Settler(world());
      await settler.settle(never);
      assert.equal(await states('a', 'b'), 'batched batched');
      road.answer(1, 2, 4);
      await settler.settle(never);
      assert.equal(await states('a', 'b', 'c', 'd'), 'batched answered batched answered');
      const { answer, costNanoUsd, endedAtMs } = await row('b');
      assert.deepEqual(answer, {
        status: 200,
        body: '{"seq":2}',
        headers: {
          'x-intermodal-target': 'openai/m@batch',
          'x-intermodal-attempts': '1',
          'x-intermodal-cost': '0.000000005',
          'x-intermodal-saved': '0.000000005',
        },
      });
      assert.deepEqual({ costNanoUsd, endedAtMs }, { costNanoUsd: 5, endedAtMs: nowMs });
      await settler.settle(never);
      assert.equal(road.read, 2);
      road.answer(1, 1, 3, 5);
      await settler.settle(never);
      assert.equal(road.read, 5);
      assert.equal(await states('a', 'c', 'e'), 'answered answered answered');
    });

    test('of a batch that a start finds, all of them anew, and changes nothing that has ended', async () => {
      road.answer(1, 1);
      await new Settler(world()).settle(never);
      nowMs += 5_000;
      road.answer(1, 2);
      await new Settler(world()).settle(never);
      assert.equal((await row('a')).endedAtMs, 10_000);
      assert.equal((await row('b')).endedAtMs, 15_000);
    });

    test('of one that was cancelled as nothing', async () => {
      await stores.queue.cancel('app', 'a', nowMs);
      road.answer(1, 1);
      await new Settler(world()).settle(never);
      assert.equal(await states('a'), 'cancelled');
      assert.equal((await row('a')).answer, undefined);
    });

    test('of a batch that could not be run as its problem, in the dialect', async () => {
      const [made] = road.made;
      assert.ok(made !== undefined);
      made.state = 'failed';
      made.problem = { code: 'over_budget', message: 'The budget is spent.' };
      await new Settler(world()).settle(never);
      assert.equal(await states('a', 'e'), 'failed failed');
      assert.equal((await row('a')).answer?.body, 'openai-chat: The budget is spent.');
      assert.ok(made.forgotten);
    });

    test('of a batch that is gone as a failure', async () => {
      road.look = async () => undefined;
      await new Settler(world()).settle(never);
      assert.match((await row('a')).answer?.body ?? '', /gone/);
    });

    test('of an item that failed as an error, of one that an operator cancelled as that', async () => {
      const made = road.made[0];
      const common = {
        batch: batchOf(),
        error: { code: 'upstream_fault' as const, message: 'No.', status: 502 },
      };
      made?.results.set(1, { ...common, kind: 'dead', customId: 'a', seq: 1 });
      made?.results.set(2, { ...common, kind: 'cancelled', customId: 'b', seq: 2 });
      await new Settler(world()).settle(never);
      assert.equal(await states('a', 'b'), 'failed cancelled');
      assert.equal((await row('a')).answer?.body, 'openai-chat: No.');
    });
  });
});

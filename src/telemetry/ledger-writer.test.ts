import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock, settle } from '../../test/support/clock.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import { LedgerWriter } from './ledger-writer.ts';

const entry = (id: string): LedgerEntry => ({
  id,
  requestId: id,
  atMs: 0,
  route: 'r',
  provider: 'p',
  model: 'm',
  mode: 'sync',
  outcome: 'served',
  stream: false,
  tags: [],
  costNanoUsd: 1,
  listNanoUsd: 1,
  exact: true,
  durationMs: 1,
});

describe('the ledger writer', () => {
  let clock: FakeClock;
  let written: string[][];
  let failures: number;
  let troubles: number[];
  /** Ids that were said to be durable. */
  let told: string[];
  /** Ends the append that waits, where `slow`. */
  let finish: (() => void) | undefined;
  let slow: boolean;
  let writer: LedgerWriter;

  beforeEach(() => {
    clock = createFakeClock();
    written = [];
    failures = 0;
    troubles = [];
    told = [];
    slow = false;
    finish = undefined;
    const ledger = {
      async append(entries: readonly LedgerEntry[]) {
        const ids = entries.map(({ id }) => id);
        if (slow)
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
        if (failures > 0) {
          failures -= 1;
          throw new Error('the store is away');
        }
        written.push(ids);
      },
      usage: async () => [],
      spend: async () => [],
      list: async () => [],
      prune: async () => 0,
    };
    writer = new LedgerWriter(ledger, clock, {
      onTrouble: (_error, kept) => troubles.push(kept),
      onWritten: (entries) => told.push(...entries.map(({ id }) => id)),
    });
  });
  afterEach(() => assert.equal(clock.pending(), 0, 'a timer was left behind'));

  test('appends at once what the next step waits for, and says so where it cannot', async () => {
    await writer.append([entry('a'), entry('b')]);
    assert.deepEqual([written, told], [[['a', 'b']], ['a', 'b']]);
    failures = 1;
    await assert.rejects(writer.append([entry('c')]), /away/);
    assert.deepEqual([told, writer.pending], [['a', 'b'], 0]);
  });

  test('writes what comes together at once, well within a second', async () => {
    writer.add(entry('a'));
    await clock.advance(100);
    writer.add(entry('b'));
    assert.equal(writer.pending, 2);
    await clock.advance(100);
    assert.deepEqual(written, [['a', 'b']]);
    assert.equal(writer.pending, 0);
    writer.add(entry('c'));
    await clock.advance(200);
    assert.deepEqual(written[1], ['c']);
    assert.deepEqual(told, ['a', 'b', 'c']);
  });

  test('keeps what the store did not take, asks less and less often, and loses nothing', async () => {
    failures = 3;
    writer.add(entry('a'));
    await clock.advance(200);
    writer.add(entry('b'));
    await clock.advance(400);
    assert.deepEqual(troubles, [1, 2]);
    await clock.advance(799);
    assert.equal(troubles.length, 2);
    await clock.advance(1);
    assert.equal(troubles.length, 3);
    assert.deepEqual(written, []);
    await clock.advance(1_600);
    assert.deepEqual(written, [['a', 'b']]);
  });

  test('says how long the oldest entry has waited', async () => {
    assert.equal(writer.oldestMs, 0);
    failures = 2;
    writer.add({ ...entry('a'), atMs: clock.now() });
    await clock.advance(150);
    writer.add({ ...entry('b'), atMs: clock.now() });
    await clock.advance(150);
    assert.equal(writer.oldestMs, 300);
    await clock.advance(1_200);
    assert.deepEqual([written, writer.oldestMs], [[['a', 'b']], 0]);
  });

  test('entries that come while it writes go with the next', async () => {
    slow = true;
    writer.add(entry('a'));
    await clock.advance(200);
    writer.add(entry('b'));
    slow = false;
    finish?.();
    await settle();
    assert.deepEqual(written, [['a'], ['b']]);
    assert.equal(writer.pending, 0);
  });

  test('a flush writes what is under way and what came after, once each', async () => {
    slow = true;
    writer.add(entry('a'));
    await clock.advance(200);
    const flushed = writer.flush();
    writer.add(entry('b'));
    slow = false;
    finish?.();
    assert.equal(await flushed, true);
    assert.deepEqual(written.flat(), ['a', 'b']);
  });

  test('entries that come during a flush are not lost', async () => {
    slow = true;
    writer.add(entry('a'));
    const flushed = writer.flush();
    await settle();
    writer.add(entry('b'));
    await clock.advance(200);
    writer.add(entry('c'));
    slow = false;
    finish?.();
    await flushed;
    await clock.advance(200);
    assert.deepEqual(written.flat(), ['a', 'b', 'c']);
  });

  test('a flush that fails says so, and leaves no timer that writes into a closed store', async () => {
    failures = 5;
    writer.add(entry('a'));
    assert.equal(await writer.flush(), false);
    assert.equal(writer.pending, 1);
    assert.equal(troubles.length, 2);
  });

  test('is full at a bound, so that nothing is spent that cannot be written down', async () => {
    failures = Number.POSITIVE_INFINITY;
    const one = entry('a');
    for (let count = 1; count < 200_000; count++) writer.add(one);
    assert.equal(writer.full, false);
    writer.add(one);
    assert.equal(writer.full, true);
    failures = 0;
    assert.equal(await writer.flush(), true);
    assert.equal(writer.full, false);
  });
});

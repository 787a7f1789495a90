import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { queued } from '../../test/support/queued.ts';
import { Additions } from './additions.ts';
import type { NewQueuedRequest } from './contract.ts';

/** Rows that say what they were asked; `broken` cannot be written. */
function rowsOf(broken?: string) {
  const asked: string[][] = [];
  const kept = (request: NewQueuedRequest) => {
    if (request.id === broken) throw new Error(`${request.id} is broken`);
    return {
      request: { ...request, state: 'waiting' as const, tries: 0, costNanoUsd: 0 },
      existing: false,
    };
  };
  return {
    asked,
    async add(request: NewQueuedRequest) {
      asked.push([request.id]);
      return kept(request);
    },
    async addAll(requests: readonly NewQueuedRequest[]) {
      asked.push(requests.map(({ id }) => id));
      return requests.map(kept);
    },
  };
}

describe('requests that come together', () => {
  test('are kept together, each told of its own', async () => {
    const rows = rowsOf();
    const additions = new Additions(rows);
    const added = await Promise.all(['a', 'b', 'c'].map((id) => additions.add(queued(id))));
    assert.deepEqual(
      added.map(({ request }) => request.id),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(rows.asked, [['a', 'b', 'c']]);
    await additions.add(queued('d'));
    assert.deepEqual(rows.asked.at(-1), ['d']);
  });

  test('do not fail with one of them', async () => {
    const additions = new Additions(rowsOf('b'));
    const ends = await Promise.allSettled(['a', 'b', 'c'].map((id) => additions.add(queued(id))));
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    await assert.rejects(additions.add(queued('b')), /b is broken/);
  });

  test('are written in handfuls', async () => {
    const rows = rowsOf();
    const additions = new Additions(rows);
    await Promise.all(Array.from({ length: 300 }, (_, index) => additions.add(queued(`r${index}`))));
    assert.deepEqual(
      rows.asked.map(({ length }) => length),
      [256, 44],
    );
    const body = new Uint8Array(10 * 1024 * 1024);
    await Promise.all(['x', 'y', 'z'].map((id) => additions.add(queued(id, { body }))));
    assert.deepEqual(
      rows.asked.slice(2).map(({ length }) => length),
      [1, 1, 1],
    );
  });
});

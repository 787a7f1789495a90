import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Together } from './together.ts';

/** A write that ends when it is told to. */
function manual() {
  const writes: { readonly all: readonly number[]; end(error?: Error): void }[] = [];
  const together = new Together<number, string>(
    (all) =>
      new Promise((resolve, reject) => {
        writes.push({
          all: [...all],
          end: (error) => (error === undefined ? resolve(all.map((one) => `${one}!`)) : reject(error)),
        });
      }),
  );
  return { together, writes };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('writes of many', () => {
  test('go together while one is under way, and each waits for its own', async () => {
    const { together, writes } = manual();
    const done: string[] = [];
    const first = together.add(1).then((answer) => done.push(answer));
    await turn();
    const others = [2, 3, 4].map((one) => together.add(one).then((answer) => done.push(answer)));
    await turn();
    assert.deepEqual(
      writes.map(({ all }) => all),
      [[1]],
    );
    writes[0]?.end();
    await first;
    await turn();
    assert.deepEqual(done, ['1!']);
    assert.deepEqual(
      writes.map(({ all }) => all),
      [[1], [2, 3, 4]],
    );
    writes[1]?.end();
    await Promise.all(others);
    assert.deepEqual(done, ['1!', '2!', '3!', '4!']);
  });

  test('that fail tell those whose they were, and no others', async () => {
    const { together, writes } = manual();
    const first = together.add(1);
    await turn();
    const second = together.add(2);
    writes[0]?.end(new Error('full'));
    await assert.rejects(first, /full/);
    await turn();
    writes[1]?.end();
    await second;
  });
});

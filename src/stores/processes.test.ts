/** Several processes on one store, and one that is killed. With real processes, since a lock within one proves nothing. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, describe, test } from 'node:test';
import { startStoreKinds } from '../../test/support/stores.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const script = join(import.meta.dirname, '..', '..', 'test', 'support', 'store-writer.ts');

interface Writer {
  readonly child: ChildProcess;
  /** What it said so far. */
  readonly said: string[];
  /** Resolves when it has said a line that the test accepts. */
  until(accept: (line: string) => boolean): Promise<void>;
  go(): void;
  ended(): Promise<number | null>;
}

function startWriter(url: string, name: string, batches: number, rows: number): Writer {
  const child = spawn(process.execPath, [script, url, name, `${batches}`, `${rows}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  const waiting: { accept: (line: string) => boolean; resolve: () => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(line);
    for (const one of waiting) if (one.accept(line)) one.resolve();
  });
  const exit = once(child, 'exit');
  return {
    child,
    said,
    until: (accept) =>
      new Promise((resolve, reject) => {
        if (said.some(accept)) resolve();
        waiting.push({ accept, resolve });
        child.once('exit', () => reject(new Error(`${name} ended early: ${said.join(', ')}`)));
      }),
    go: () => child.stdin?.write('go\n'),
    async ended() {
      const [code]: (number | null)[] = await exit;
      return code ?? null;
    },
  };
}

for (const { name, skip, shared, fresh, open } of kinds) {
  const reason = skip === false && !shared ? 'memory belongs to one process' : skip;

  describe(`processes on ${name}`, { skip: reason }, () => {
    test('may all start at once on a store that is not there yet, and write side by side', async () => {
      const url = await fresh();
      const writers = Array.from({ length: 6 }, (_, index) => startWriter(url, `w${index}`, 10, 120));
      await Promise.all(writers.map((writer) => writer.until((line) => line === 'ready')));
      for (const writer of writers) writer.go();
      assert.deepEqual(await Promise.all(writers.map((writer) => writer.ended())), [0, 0, 0, 0, 0, 0]);
      const { ledger } = await open(url);
      const rows = await ledger.spend({}, ['key']);
      assert.deepEqual(
        rows.map(({ group, attempts }) => [...group, attempts]),
        writers.map((_, index) => [`w${index}`, 1200]),
      );
    });

    test('lose nothing that was appended when one is killed, and keep no half of a batch', async () => {
      const url = await fresh();
      const rows = 1055;
      const writer = startWriter(url, 'w', 100_000, rows);
      await writer.until((line) => line === 'ready');
      writer.go();
      await writer.until((line) => line === `kept ${rows * 12}`);
      writer.child.kill('SIGKILL');
      await writer.ended();
      const kept = Number(/^kept (\d+)$/.exec(writer.said.at(-1) ?? '')?.[1]);
      const { ledger } = await open(url);
      const [sum] = await ledger.spend({}, []);
      const attempts = sum?.attempts ?? 0;
      assert.ok(kept >= rows * 12);
      assert.ok(attempts >= kept, `${attempts} of ${kept} are there`);
      assert.equal(attempts % rows, 0);
      // The dead process holds no lock.
      await ledger.append([]);
      assert.equal(await ledger.prune(Number.MAX_SAFE_INTEGER), attempts);
    });
  });
}

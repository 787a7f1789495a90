import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../test/support/clock.ts';
import { systemClock } from '../core/clock.ts';
import { type Loaded, loadFile, loadText } from './load.ts';
import type { LocatedProblem } from './problem.ts';
import { type Watcher, watchConfig } from './watch.ts';

const world = { registry: {}, env: {}, clock: systemClock };
const good = 'providers: { a: { type: x } }\nroutes: {}\n';

/** Stands in for a loader: `ok` decides what the next load says. */
function createBench(clock: FakeClock = createFakeClock()) {
  const bench = {
    clock,
    ok: true,
    loads: 0,
    accepted: 0,
    refused: [] as (readonly LocatedProblem[])[],
    closed: false,
    change: (_file: string | null): void => {},
    fail: (_error: Error): void => {},
    errors: [] as Error[],
    folder: '',
  };
  const refusal = loadText('gateway.yaml', '', world);
  // The watcher hands on what the loader says, unread.
  const acceptance = { ok: true } as Extract<Loaded, { ok: true }>;
  const watcher: Watcher = watchConfig({
    file: '/etc/intermodal/gateway.yaml',
    clock,
    load: () => {
      bench.loads += 1;
      return bench.ok ? acceptance : refusal;
    },
    onConfig: () => {
      bench.accepted += 1;
    },
    onRefused: (problems) => bench.refused.push(problems),
    onError: (error) => bench.errors.push(error),
    subscribe: (folder, onChange, onError) => {
      bench.folder = folder;
      bench.change = onChange;
      bench.fail = onError;
      return () => {
        bench.closed = true;
      };
    },
  });
  return { bench, watcher };
}

describe('watching a config', () => {
  test('a burst of events is one reload, once they have settled', async () => {
    const { bench } = createBench();
    assert.equal(bench.folder, '/etc/intermodal');
    bench.change('gateway.yaml');
    await bench.clock.advance(100);
    bench.change('gateway.yaml');
    bench.change('gateway.yaml');
    await bench.clock.advance(149);
    assert.equal(bench.loads, 0);
    await bench.clock.advance(1);
    assert.equal(bench.loads, 1);
    assert.equal(bench.accepted, 1);
    assert.equal(bench.clock.pending(), 0);
  });

  test('other files of the folder are none of its business, but swapped links are', async () => {
    const { bench } = createBench();
    bench.change('gateway.yaml.swp');
    bench.change('4913');
    await bench.clock.advance(1000);
    assert.equal(bench.loads, 0);
    bench.change('..data');
    await bench.clock.advance(1000);
    assert.equal(bench.loads, 1);
    bench.change(null);
    await bench.clock.advance(1000);
    assert.equal(bench.loads, 2);
  });

  test('a broken file is refused with its problems, and a mended one is taken', async () => {
    const { bench } = createBench();
    bench.ok = false;
    bench.change('gateway.yaml');
    await bench.clock.advance(150);
    assert.equal(bench.accepted, 0);
    assert.deepEqual(
      bench.refused.map((problems) => problems.map((one) => one.message)),
      [['the file is empty']],
    );
    bench.ok = true;
    bench.change('gateway.yaml');
    await bench.clock.advance(150);
    assert.equal(bench.accepted, 1);
    assert.equal(bench.refused.length, 1);
  });

  test('a signal reloads at once, and takes the place of a reload that waits', async () => {
    const { bench, watcher } = createBench();
    bench.change('gateway.yaml');
    watcher.reload();
    assert.equal(bench.loads, 1);
    await bench.clock.advance(1000);
    assert.equal(bench.loads, 1);
  });

  test('closing cancels what waits', async () => {
    const { bench, watcher } = createBench();
    bench.change('gateway.yaml');
    watcher.close();
    await bench.clock.advance(1000);
    assert.equal(bench.loads, 0);
    assert.equal(bench.closed, true);
    assert.equal(bench.clock.pending(), 0);
  });

  test('a folder that is gone is told of, once', () => {
    const { bench } = createBench();
    bench.fail(new Error('gone'));
    assert.deepEqual(
      bench.errors.map((error) => error.message),
      ['gone'],
    );
  });

  test('the system tells of a file that an editor replaces', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'intermodal-watch-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'gateway.yaml');
    writeFileSync(file, good);
    const refused = await new Promise<readonly LocatedProblem[]>((resolve) => {
      const watcher = watchConfig({
        file,
        clock: systemClock,
        load: () => loadFile(file, world),
        onConfig: () => assert.fail('the file is not valid'),
        onRefused: (problems) => {
          watcher.close();
          resolve(problems);
        },
      });
      writeFileSync(join(folder, 'new'), '');
      renameSync(join(folder, 'new'), file);
    });
    assert.equal(refused[0]?.message, 'the file is empty');
  });
});

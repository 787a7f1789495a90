/** What `contract.ts` promises of labels and notes, on every kind of store. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { startStoreKinds } from '../../../test/support/stores.ts';
import type { Label } from './contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

function label(id: string, changes: Partial<Label> = {}): Label {
  return {
    id,
    route: 'classify',
    atMs: 1_000,
    kind: 'audit',
    cheap: 'openai/gpt-4.1-nano',
    strong: 'openai/gpt-4.1',
    agreed: true,
    cheapNanoUsd: 10,
    strongNanoUsd: 200,
    ...changes,
  };
}

for (const { name, skip, open } of kinds) {
  describe(`labels on ${name}`, { skip }, () => {
    test('come back as they were, newest first, each once', async () => {
      const { labels } = await open();
      const full = label('b', { atMs: 2_000, confidence: 0.8125, features: 'AAEC', agreed: false });
      await labels.add([label('a'), full]);
      await labels.add([label('a', { agreed: false }), label('c', { atMs: 3_000, kind: 'escalation' })]);
      await labels.add([label('z', { route: 'other' })]);
      const listed = await labels.list({ route: 'classify' }, 10);
      assert.deepEqual(listed, [label('c', { atMs: 3_000, kind: 'escalation' }), full, label('a')]);
      assert.deepEqual(await labels.list({ route: 'classify', kind: 'audit', sinceMs: 2_000 }, 10), [full]);
      assert.equal(await labels.count({ route: 'classify' }), 3);
      assert.equal((await labels.list({ route: 'classify' }, 1)).length, 1);
    });

    test('are pruned by age', async () => {
      const { labels } = await open();
      await labels.add(Array.from({ length: 1_200 }, (_, index) => label(`l${index}`, { atMs: index })));
      assert.equal(await labels.prune(1_000), 1_000);
      assert.equal(await labels.count({ route: 'classify' }), 200);
    });
  });

  describe(`notes on ${name}`, { skip }, () => {
    test('of two who write one from the same version, one is told that it came late', async () => {
      const { notes } = await open();
      assert.equal(await notes.read('canary/a'), undefined);
      assert.equal(await notes.write('canary/a', { phase: 0 }, 0, 5), true);
      assert.equal(await notes.write('canary/a', { phase: 9 }, 0, 6), false);
      assert.equal(await notes.write('canary/a', { phase: 1 }, 1, 7), true);
      assert.equal(await notes.write('canary/a', { phase: 9 }, 1, 8), false);
      assert.deepEqual(await notes.read('canary/a'), {
        name: 'canary/a',
        version: 2,
        value: { phase: 1 },
        atMs: 7,
      });
    });

    test('are listed by how their names begin, and removed', async () => {
      const { notes } = await open();
      for (const one of ['canary/b', 'canary/a', 'canaryx', 'scorer/a']) await notes.write(one, [one], 0, 1);
      const named = async (): Promise<readonly string[]> =>
        (await notes.list('canary/')).map((note) => note.name);
      assert.deepEqual(await named(), ['canary/a', 'canary/b']);
      await notes.remove('canary/a');
      assert.deepEqual(await named(), ['canary/b']);
    });
  });
}

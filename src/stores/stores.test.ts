/** What `contract.ts` promises, on every kind of store. Spend and several processes have files of their own. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { entry, startStoreKinds } from '../../test/support/stores.ts';
import type { KeyRecord } from './contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const noon = Date.UTC(2026, 10, 21, 12);

function key(id: string, changes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id,
    name: `name-${id}`,
    hash: `hash-${id}`,
    admin: false,
    limits: {},
    budgets: {},
    createdAtMs: noon,
    ...changes,
  };
}

for (const { name, skip, shared, fresh, open } of kinds) {
  describe(`the ledger on ${name}`, { skip }, () => {
    test('gives back every field as it was, and what was absent as absent', async () => {
      const { ledger } = await open();
      const full = entry('full', {
        key: 'search',
        team: 'web',
        mode: 'batch',
        outcome: 'failed',
        code: 'upstream_fault',
        stream: true,
        tags: ['a,b', '100%', 'it’s "so"', '_', '', '🚢'],
        inputTokens: 12_345_678_901,
        cacheReadTokens: 0,
        cacheWriteTokens: 3,
        outputTokens: 4,
        reasoningTokens: 5,
        costNanoUsd: Number.MAX_SAFE_INTEGER,
        listNanoUsd: 7,
        exact: false,
        durationMs: 86_400_001,
        items: 50_000,
        roughInputTokens: 12_000_000_000,
      });
      const bare = entry('bare');
      await ledger.append([full, bare]);
      assert.deepEqual(await ledger.list({}, 10), [full, bare]);
    });

    test('keeps an entry once however often it is appended, and the later one wins', async () => {
      const { ledger } = await open();
      const early = entry('a', { costNanoUsd: 5, outcome: 'unknown', tags: ['x'], code: 'internal' });
      const late = entry('a', { costNanoUsd: 3, key: 'search' });
      await ledger.append([early]);
      await ledger.append([late, entry('b')]);
      await ledger.append([late, entry('b')]);
      assert.deepEqual(await ledger.list({}, 10), [entry('b'), late]);
    });

    test('keeps what is known of an attempt when its process is taken for dead later', async () => {
      const { ledger } = await open();
      const known = entry('a', { costNanoUsd: 3 });
      await ledger.append([known]);
      await ledger.append([entry('a', { costNanoUsd: 500, outcome: 'unknown', exact: false }), entry('b')]);
      assert.deepEqual(await ledger.list({}, 10), [entry('b'), known]);
    });

    test('takes the same entry twice in one batch', async () => {
      const { ledger } = await open();
      await ledger.append([entry('a', { costNanoUsd: 1 }), entry('b'), entry('a', { costNanoUsd: 2 })]);
      assert.deepEqual(
        (await ledger.list({}, 10)).map(({ id, costNanoUsd }) => [id, costNanoUsd]),
        [
          ['b', 1000],
          ['a', 2],
        ],
      );
    });

    test('takes no entries, and thousands at once', async () => {
      const { ledger } = await open();
      await ledger.append([]);
      const entries = Array.from({ length: 5678 }, (_, index) => entry(`e${index}`, { atMs: noon + index }));
      await ledger.append(entries);
      assert.deepEqual(await ledger.list({}, 10_000), entries.toReversed());
    });

    test('keeps all of a batch or nothing', async () => {
      const { ledger } = await open();
      const entries = Array.from({ length: 1200 }, (_, index) => entry(`e${index}`));
      const broken = { ...entry('broken'), costNanoUsd: Number.NaN };
      await assert.rejects(ledger.append([...entries, broken]));
      assert.deepEqual(await ledger.list({}, 10), []);
      await ledger.append(entries);
      assert.equal((await ledger.list({}, 2000)).length, 1200);
    });

    test('appends side by side do not mix', async () => {
      const { ledger } = await open();
      const batches = Array.from({ length: 8 }, (_, batch) =>
        Array.from({ length: 606 }, (_, row) => entry(`${batch}-${row}`)),
      );
      await Promise.all(batches.map((batch) => ledger.append(batch)));
      assert.equal((await ledger.spend({}, []))[0]?.attempts, 8 * 606);
    });

    test('stores text that no store could hold with a mark in its place', async () => {
      const { ledger } = await open();
      await ledger.append([entry('a', { tags: ['nul\0', 'half\ud83d'], model: 'm\0' })]);
      const [kept] = await ledger.list({ tag: 'nul\uFFFD' }, 10);
      assert.deepEqual(kept?.tags, ['nul\uFFFD', 'half\uFFFD']);
      assert.equal(kept?.model, 'm\uFFFD');
    });

    test('lists newest first, only what the filter asks for, no more than the limit', async () => {
      const { ledger } = await open();
      await ledger.append([
        entry('b', { atMs: noon, key: 'x' }),
        entry('d', { atMs: noon + 2, key: 'x' }),
        entry('a', { atMs: noon, key: 'x' }),
        entry('c', { atMs: noon + 1 }),
      ]);
      const ids = async (...args: Parameters<typeof ledger.list>) =>
        (await ledger.list(...args)).map(({ id }) => id).join('');
      assert.equal(await ids({}, 10), 'dcba');
      assert.equal(await ids({}, 2), 'dc');
      assert.equal(await ids({ key: 'x' }, 2), 'db');
      assert.equal(await ids({ toMs: noon + 2 }, 10), 'cba');
    });

    test('sums what answers used by route and model, and what their input was taken for', async () => {
      const { ledger } = await open();
      const of = { route: 'r', provider: 'p', model: 'm', exact: true };
      await ledger.append([
        entry('batch', {
          ...of,
          mode: 'batch',
          items: 10,
          inputTokens: 1000,
          cacheReadTokens: 300,
          outputTokens: 200,
          roughInputTokens: 900,
        }),
        entry('sync', { ...of, inputTokens: 50, outputTokens: 10 }),
        entry('other', { ...of, model: 'n', inputTokens: 7, roughInputTokens: 8 }),
        entry('failed', { ...of, outcome: 'failed', inputTokens: 9e9, outputTokens: 9e9 }),
        entry('guess', { ...of, exact: false, inputTokens: 9e9, outputTokens: 9e9 }),
        entry('silent', { ...of }),
      ]);
      const m = { answers: 11, inputTokens: 1050, cacheReadTokens: 300, outputTokens: 210 };
      const n = { answers: 1, inputTokens: 7, cacheReadTokens: 0, outputTokens: 0 };
      assert.deepEqual(await ledger.usage({}), [
        { route: 'r', provider: 'p', model: 'm', ...m, roughInputTokens: 900, inputOfRoughTokens: 1000 },
        { route: 'r', provider: 'p', model: 'n', ...n, roughInputTokens: 8, inputOfRoughTokens: 7 },
      ]);
      assert.deepEqual(await ledger.usage({ model: 'none' }), []);
    });

    test('prunes what ended before, and says how many', async () => {
      const { ledger } = await open();
      const entries = Array.from({ length: 4500 }, (_, index) => entry(`e${index}`, { atMs: noon + index }));
      await ledger.append(entries);
      assert.equal(await ledger.prune(noon + 4400), 4400);
      assert.equal(await ledger.prune(noon + 4400), 0);
      const left = await ledger.list({}, 200);
      assert.equal(left.length, 100);
      assert.equal(left.at(-1)?.id, 'e4400');
    });
  });

  describe(`the keys on ${name}`, { skip }, () => {
    test('come back as they were, oldest first', async () => {
      const { keys } = await open();
      const full = key('b', {
        team: 'web',
        admin: true,
        routes: ['classify', 'gpt-*'],
        limits: {
          requestsPerMinute: 300,
          requestsPerDay: 9000,
          inputTokensPerMinute: 400_000,
          outputTokensPerMinute: 80_000,
          concurrent: 5,
        },
        budgets: { dailyNanoUsd: 20e9, weeklyNanoUsd: 100e9, monthlyNanoUsd: 300e9 },
        createdAtMs: noon - 1,
        expiresAtMs: noon + 1,
      });
      assert.equal(await keys.create(key('a')), true);
      assert.equal(await keys.create(full), true);
      assert.deepEqual(await keys.list(), [full, key('a')]);
    });

    test('have a name alone while they live', async () => {
      const { keys } = await open();
      assert.equal(await keys.create(key('a', { name: 'search' })), true);
      assert.equal(await keys.create(key('b', { name: 'search' })), false);
      assert.equal(await keys.revoke('search', noon), true);
      assert.equal(await keys.create(key('b', { name: 'search' })), true);
      assert.deepEqual(
        (await keys.list()).map(({ id, revokedAtMs }) => [id, revokedAtMs]),
        [
          ['a', noon],
          ['b', undefined],
        ],
      );
    });

    test('may be created again by a caller that was not answered', async () => {
      const { keys } = await open();
      assert.equal(await keys.create(key('a')), true);
      const version = await keys.version();
      assert.equal(await keys.create(key('a')), true);
      assert.equal(await keys.create(key('a', { hash: 'another' })), false);
      assert.equal(await keys.version(), version);
      assert.equal((await keys.list()).length, 1);
    });

    test('are revoked by id or by name, once, and an id comes first', async () => {
      const { keys } = await open();
      await keys.create(key('a', { name: 'b' }));
      await keys.create(key('b', { name: 'search' }));
      assert.equal(await keys.revoke('none', noon), false);
      assert.equal(await keys.revoke('b', noon), true);
      assert.equal(await keys.revoke('search', noon), false);
      const version = await keys.version();
      assert.equal(await keys.revoke('b', noon + 5), true);
      assert.equal(await keys.version(), version);
      assert.deepEqual(
        (await keys.list()).map(({ id, revokedAtMs }) => [id, revokedAtMs]),
        [
          ['a', undefined],
          ['b', noon],
        ],
      );
    });

    test('have a version that grows with every change', async () => {
      const { keys } = await open();
      const seen = [await keys.version()];
      await keys.create(key('a'));
      seen.push(await keys.version());
      await keys.revoke('a', noon);
      seen.push(await keys.version());
      assert.ok(seen.every((version) => Number.isSafeInteger(version)));
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        seen,
      );
      assert.equal(new Set(seen).size, 3);
    });

    test('and their version are seen from another connection', {
      skip: shared ? false : 'memory belongs to one connection',
    }, async () => {
      const url = await fresh();
      const [one, other] = [await open(url), await open(url)];
      const before = await other.keys.version();
      await one.keys.create(key('a'));
      assert.ok((await other.keys.version()) > before);
      assert.deepEqual(await other.keys.list(), [key('a')]);
      assert.equal(await other.keys.create(key('b', { name: 'name-a' })), false);
    });

    test('of one name made at once: one is made', async () => {
      const { keys } = await open();
      const made = await Promise.all(
        ['a', 'b', 'c', 'd'].map((id) => keys.create(key(id, { name: 'search' }))),
      );
      assert.equal(made.filter(Boolean).length, 1);
      assert.equal(await keys.version(), 1);
    });
  });

  describe(`the marks on ${name}`, { skip }, () => {
    test('are read until they expire; the later of one name holds', async () => {
      const { marks } = await open();
      await marks.write([]);
      await marks.write([
        { name: 'key:a/day', nanoUsd: 1, expiresAtMs: noon },
        { name: 'key:b/day', nanoUsd: 2, expiresAtMs: noon + 1 },
        { name: 'key:a/day', nanoUsd: 3, expiresAtMs: noon },
      ]);
      assert.deepEqual(await marks.read(noon), [
        { name: 'key:a/day', nanoUsd: 3, expiresAtMs: noon },
        { name: 'key:b/day', nanoUsd: 2, expiresAtMs: noon + 1 },
      ]);
      await marks.write([{ name: 'key:b/day', nanoUsd: 9e15, expiresAtMs: noon + 2 }]);
      const later = [{ name: 'key:b/day', nanoUsd: 9e15, expiresAtMs: noon + 2 }];
      assert.deepEqual(await marks.read(noon + 1), later);
      assert.deepEqual(await marks.read(noon + 2), later);
      assert.deepEqual(await marks.read(noon + 3), []);
    });

    test('are written by the thousand', async () => {
      const { marks } = await open();
      const many = Array.from({ length: 2500 }, (_, index) => ({
        name: `key:${index}/day`,
        nanoUsd: index,
        expiresAtMs: noon,
      }));
      await marks.write(many);
      await marks.write(many);
      assert.equal((await marks.read(noon)).length, 2500);
    });
  });
}

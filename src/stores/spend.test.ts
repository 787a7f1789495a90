/** Sums over the ledger, on every kind of store, against the same sums done by hand. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { entry, startStoreKinds } from '../../test/support/stores.ts';
import { type LedgerEntry, type SpendFilter, type SpendGroup, spendGroups } from './contract.ts';

const { kinds, closeAll, stop } = await startStoreKinds();
afterEach(closeAll);
after(stop);

const midnight = Date.UTC(2026, 10, 21);
const dayMs = 86_400_000;
const oddTags = [
  'a',
  'a,b',
  'b',
  ',',
  '%',
  '_',
  'x_y',
  'xzy',
  '"',
  "'",
  '\\',
  '","',
  'A',
  ' a',
  '',
  'é',
  '🚢',
  '?',
  '$1',
];

/** A few hundred entries in which every field takes several values, some of them none. */
const entries = Array.from({ length: 400 }, (_, index): LedgerEntry => {
  const pick = <T>(values: readonly [T, ...T[]], stride: number): T =>
    values[Math.floor(index / stride) % values.length] ?? values[0];
  const key = pick<string | undefined>(['search', 'mail', undefined], 1);
  const team = pick<string | undefined>([undefined, 'Web', 'web', 'zoo'], 2);
  return entry(`e${index}`, {
    ...(key === undefined ? {} : { key }),
    ...(team === undefined ? {} : { team }),
    route: pick(['classify', 'assistant'], 3),
    provider: pick(['openai', 'anthropic', 'vertex'], 5),
    model: pick(['gpt-4.1-mini', 'claude-haiku-4-5', 'Gemini', 'a"b,c'], 7),
    mode: pick(['sync', 'flex', 'batch'], 11),
    outcome: pick(['served', 'failed', 'cut'], 13),
    atMs: midnight + (index % 5) * (dayMs / 2) - (index % 2),
    tags: [...new Set([oddTags[index % oddTags.length] ?? '', oddTags[(index * 7) % oddTags.length] ?? ''])],
    ...(index % 4 === 0 ? {} : { inputTokens: index, outputTokens: index * 2 }),
    ...(index % 3 === 0 ? { cacheReadTokens: 3, cacheWriteTokens: 4, reasoningTokens: 5 } : {}),
    costNanoUsd: (index * 7919) % 1000,
    listNanoUsd: 2000 + index,
    exact: index % 6 !== 0,
    ...(index % 9 === 0 ? { items: index } : {}),
  });
});

function groupOf(one: LedgerEntry, group: SpendGroup): string | null {
  if (group === 'day') return new Date(one.atMs).toISOString().slice(0, 10);
  return one[group] ?? null;
}

function matches(one: LedgerEntry, { tag, fromMs, toMs, ...equal }: SpendFilter): boolean {
  return (
    (tag === undefined || one.tags.includes(tag)) &&
    (fromMs === undefined || one.atMs >= fromMs) &&
    (toMs === undefined || one.atMs < toMs) &&
    (equal.key === undefined || one.key === equal.key) &&
    (equal.team === undefined || one.team === equal.team) &&
    (equal.route === undefined || one.route === equal.route) &&
    (equal.provider === undefined || one.provider === equal.provider) &&
    (equal.model === undefined || one.model === equal.model)
  );
}

/** Group, attempts, input, output, cost, estimated: enough to see a wrong row. */
function byHand(filter: SpendFilter, groups: readonly SpendGroup[]): readonly string[] {
  const sums = new Map<string, [number, number, number, number, number]>();
  for (const one of entries.filter((candidate) => matches(candidate, filter))) {
    const name = JSON.stringify(groups.map((group) => groupOf(one, group)));
    const sum = sums.get(name) ?? [0, 0, 0, 0, 0];
    sum[0] += one.items ?? 1;
    sum[1] += one.inputTokens ?? 0;
    sum[2] += one.outputTokens ?? 0;
    sum[3] += one.costNanoUsd;
    sum[4] += one.exact ? 0 : one.costNanoUsd;
    sums.set(name, sum);
  }
  return [...sums].map(([name, sum]) => `${name} ${sum.join(' ')}`).sort();
}

const filters: readonly SpendFilter[] = [
  {},
  { key: 'search' },
  { team: 'web' },
  { route: 'classify' },
  { provider: 'vertex' },
  { model: 'a"b,c' },
  { key: 'mail', route: 'assistant', provider: 'openai', fromMs: midnight },
  { fromMs: midnight + dayMs },
  { toMs: midnight + dayMs },
  { fromMs: midnight, toMs: midnight + 1 },
  { key: "search' or 1=1 --" },
  ...oddTags.map((tag) => ({ tag })),
  { tag: 'a%' },
  { tag: 'a","b' },
  { tag: '["a"]' },
];

for (const { name, skip, open } of kinds) {
  describe(`spend on ${name}`, { skip }, () => {
    test('is right by every group and every filter', async () => {
      const { ledger } = await open();
      await ledger.append(entries);
      const pairs = spendGroups.map((group, index): readonly SpendGroup[] => [
        group,
        spendGroups[(index + 3) % spendGroups.length] ?? 'day',
      ]);
      let seen = 0;
      for (const groups of [...spendGroups.map((group) => [group]), ...pairs, [...spendGroups]]) {
        for (const filter of filters) {
          const rows = await ledger.spend(filter, groups);
          const found = rows.map(
            (row) =>
              `${JSON.stringify(row.group)} ${row.attempts} ${row.inputTokens} ${row.outputTokens} ${row.costNanoUsd} ${row.estimatedNanoUsd}`,
          );
          assert.deepEqual(found.toSorted(), byHand(filter, groups), JSON.stringify({ filter, groups }));
          seen += rows.length;
        }
      }
      assert.ok(seen > 1000, 'the sums saw no rows');
    });

    test('is one row where no group is asked for, also of nothing', async () => {
      const { ledger } = await open();
      const none = {
        group: [],
        attempts: 0,
        inputTokens: 0,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        outputTokens: 0,
        reasoningTokens: 0,
        costNanoUsd: 0,
        listNanoUsd: 0,
        estimatedNanoUsd: 0,
      };
      assert.deepEqual(await ledger.spend({}, []), [none]);
      assert.deepEqual(await ledger.spend({}, ['key']), []);
      await ledger.append([
        entry('a', { inputTokens: 1, cacheReadTokens: 2, cacheWriteTokens: 3, outputTokens: 4 }),
        entry('b', { reasoningTokens: 5, costNanoUsd: 6, listNanoUsd: 7, exact: false }),
      ]);
      assert.deepEqual(await ledger.spend({}, []), [
        {
          group: [],
          attempts: 2,
          inputTokens: 1,
          cacheReadTokens: 2,
          cacheWriteTokens: 3,
          outputTokens: 4,
          reasoningTokens: 5,
          costNanoUsd: 1006,
          listNanoUsd: 1007,
          estimatedNanoUsd: 6,
        },
      ]);
    });

    test('begins a day at midnight in UTC', async () => {
      const { ledger } = await open();
      await ledger.append([
        entry('late', { atMs: midnight - 1 }),
        entry('first', { atMs: midnight }),
        entry('last', { atMs: midnight + dayMs - 1 }),
      ]);
      assert.deepEqual(
        (await ledger.spend({}, ['day'])).map(({ group, attempts }) => [...group, attempts]),
        [
          ['2026-11-21', 2],
          ['2026-11-20', 1],
        ],
      );
    });

    test('has the dearest first, then an order that all kinds share, and no more than the limit', async () => {
      const { ledger } = await open();
      await ledger.append([
        entry('1', { key: 'cheap', costNanoUsd: 1 }),
        entry('2', { key: 'b' }),
        entry('3', { key: 'B' }),
        entry('4', { key: 'a' }),
        entry('5'),
        entry('6', { key: 'dear', costNanoUsd: 9000 }),
      ]);
      const names = async (limit?: number) =>
        (await ledger.spend({}, ['key'], limit)).map(({ group }) => group[0]);
      assert.deepEqual(await names(), ['dear', 'B', 'a', 'b', null, 'cheap']);
      assert.deepEqual(await names(2), ['dear', 'B']);
    });

    test('adds up to more than a whole number can hold', async () => {
      const { ledger } = await open();
      await ledger.append(
        Array.from({ length: 4 }, (_, index) => entry(`${index}`, { costNanoUsd: Number.MAX_SAFE_INTEGER })),
      );
      assert.equal((await ledger.spend({}, []))[0]?.costNanoUsd, 4 * Number.MAX_SAFE_INTEGER);
    });
  });
}

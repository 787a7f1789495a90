import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { entry } from '../../test/support/stores.ts';
import { openStores } from '../stores/open.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'intermodal-spend-'));
after(() => rmSync(folder, { recursive: true }));
const store = join(folder, 'store.db');

const monday = Date.UTC(2026, 10, 16);
const stores = await openStores(store);
await stores.ledger.append([
  entry('1', {
    key: 'search',
    atMs: monday,
    mode: 'batch',
    costNanoUsd: 1_234_000_000_000,
    listNanoUsd: 2_468_000_000_000,
    inputTokens: 1_234_567,
    outputTokens: 890,
    tags: ['nightly'],
  }),
  entry('2', { key: 'mail', atMs: monday + 86_400_000, costNanoUsd: 123_456, listNanoUsd: 123_456 }),
  entry('3', { atMs: monday + 86_400_000, costNanoUsd: 0, listNanoUsd: 0, exact: false }),
  entry('4', { key: 'mail', route: 'a,b', costNanoUsd: 50_000_000, listNanoUsd: 50_000_000, exact: false }),
]);
await stores.close();

function spend(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['src/main.ts', 'spend', '--store', store, ...options],
    { cwd: root, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

describe('intermodal spend', () => {
  test('is a table by key, dearest first, with what was saved and what is estimated', () => {
    const { status, stdout, stderr } = spend();
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.equal(
      stdout,
      [
        'key     attempts  input tokens  output tokens       paid  list price      saved  saved %',
        '──────  ────────  ────────────  ─────────────  ─────────  ──────────  ─────────  ───────',
        'search         1     1,234,567            890  $1,234.00   $2,468.00  $1,234.00     50.0',
        'mail           2             0              0    $0.0501     $0.0501      $0.00      0.0',
        '-              1             0              0      $0.00       $0.00      $0.00        -',
        'total          4     1,234,567            890  $1,234.05   $2,468.05  $1,234.00     50.0',
        '',
        '$0.0500 of what was paid is an estimate: the provider did not say.',
        '',
      ].join('\n'),
    );
  });

  test('takes groups, filters, times and a limit', () => {
    const { stdout } = spend('--by', 'day,route', '--since', '2026-11-17', '--until', '2026-11-18');
    assert.match(stdout, /^2026-11-17 +classify +2 /m);
    assert.match(stdout, /^total +2 /m);
    assert.match(spend('--tag', 'nightly').stdout, /^total +1 /m);
    const limited = spend('--limit', '1').stdout;
    assert.match(limited, /^search .*\ntotal +4 .*\n\nThe dearest 1; the total is of all\.$/m);
  });

  test('is CSV and JSON for programs', () => {
    assert.equal(
      spend('--by', 'key,route', '--route', 'a,b', '--format', 'csv').stdout,
      'key,route,attempts,input_tokens,cache_read_tokens,cache_write_tokens,output_tokens,reasoning_tokens,' +
        'paid_usd,list_usd,saved_usd,saved_percent,estimated_usd\r\n' +
        'mail,"a,b",1,0,0,0,0,0,0.05,0.05,0,0,0.05\r\n',
    );
    const rows: unknown = JSON.parse(spend('--by', 'mode', '--key', 'search', '--format', 'json').stdout);
    assert.deepEqual(rows, [
      {
        mode: 'batch',
        attempts: 1,
        input_tokens: 1_234_567,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        output_tokens: 890,
        reasoning_tokens: 0,
        paid_usd: 1234,
        list_usd: 2468,
        saved_usd: 1234,
        saved_percent: 50,
        estimated_usd: 0,
      },
    ]);
    assert.equal(spend('--key', 'nobody', '--format', 'json').stdout, '[]\n');
  });

  test('says what to do where there is nothing, and what would be right', () => {
    const nothing = spend('--key', 'nobody');
    assert.equal(nothing.status, 0);
    assert.match(nothing.stderr, /Ask for a longer time, or with fewer filters\./);
    const cases: [string[], RegExp][] = [
      [['--by', 'modle'], /There is no "modle"\. Did you mean "model"\?/],
      [['--by', 'key,key'], /Name each group once/],
      [['--since', 'monday'], /Write how long ago, such as 7d/],
      [['--since', '2026-11-02', '--until', '2026-11-01'], /--since is not before --until/],
      [['--format', 'xml'], /Allowed choices are table, csv, json/],
      [['--store', join(folder, 'none.db')], /There is no store at .*none\.db\. Name one with --store/],
    ];
    for (const [options, expected] of cases) {
      const { status, stdout, stderr } = spend(...options);
      assert.equal(status, 1, options.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, expected);
    }
  });
});

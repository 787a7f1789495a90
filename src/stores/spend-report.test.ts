import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SpendRow } from './contract.ts';
import { spendCsv, spendRecords } from './spend-report.ts';

const row: SpendRow = {
  group: ['search', null],
  attempts: 3,
  inputTokens: 1000,
  cacheReadTokens: 10,
  cacheWriteTokens: 20,
  outputTokens: 30,
  reasoningTokens: 4,
  costNanoUsd: 1_500_000_001,
  listNanoUsd: 2_000_000_000,
  estimatedNanoUsd: 1,
};

describe('a report of what was spent', () => {
  test('has dollars in JSON, and null where an entry has none', () => {
    assert.deepEqual(spendRecords(['key', 'team'], [row]), [
      {
        key: 'search',
        team: null,
        attempts: 3,
        input_tokens: 1000,
        cache_read_tokens: 10,
        cache_write_tokens: 20,
        output_tokens: 30,
        reasoning_tokens: 4,
        paid_usd: 1.500000001,
        list_usd: 2,
        saved_usd: 0.499999999,
        saved_percent: 25,
        estimated_usd: 1e-9,
      },
    ]);
  });

  test('has the same columns in CSV', () => {
    assert.equal(
      spendCsv(['key', 'team'], [row]),
      'key,team,attempts,input_tokens,cache_read_tokens,cache_write_tokens,output_tokens,reasoning_tokens,' +
        'paid_usd,list_usd,saved_usd,saved_percent,estimated_usd\r\n' +
        'search,,3,1000,10,20,30,4,1.500000001,2,0.499999999,25,0.000000001\r\n',
    );
    assert.equal(spendCsv([], []).split('\r\n').length, 2);
  });

  test('saves less than nothing where the list price is lower, and no share of nothing', () => {
    const [dear, free] = spendRecords(
      [],
      [
        { ...row, group: [], listNanoUsd: 1_000_000_000 },
        { ...row, group: [], costNanoUsd: 0, listNanoUsd: 0 },
      ],
    );
    assert.equal(dear?.saved_percent, -50);
    assert.equal(free?.saved_percent, null);
    assert.match(spendCsv([], [{ ...row, group: [], listNanoUsd: 0 }]), /,-1\.500000001,,0\.000000001\r\n$/);
  });

  test('quotes what CSV must, and leaves no cell that a spreadsheet would run', () => {
    const names = ['a,b', 'say "hi"', 'two\nlines', '=1+1', '@x', '-2', '+3', '\t=1', 'plain'];
    const csv = spendCsv(
      ['model'],
      names.map((name) => ({ ...row, group: [name] })),
    );
    const cells = [...csv.matchAll(/(?:^|\r\n)((?:"(?:[^"]|"")*"|[^,"]*)),3,/g)].map(([, cell]) => cell);
    assert.deepEqual(cells, [
      '"a,b"',
      '"say ""hi"""',
      '"two\nlines"',
      "'=1+1",
      "'@x",
      "'-2",
      "'+3",
      "'\t=1",
      'plain',
    ]);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  dollars,
  parseBudget,
  parseCount,
  parseList,
  parseMoment,
  parseRate,
  parseSpan,
  thousands,
} from './amounts.ts';

describe('amounts on the command line', () => {
  test('are counts', () => {
    assert.equal(parseCount('300'), 300);
    assert.equal(parseCount('400k'), 400_000);
    for (const text of ['0', '-1', '1.5', 'many', '', '1e3', '9e99']) {
      assert.throws(() => parseCount(text), /whole number over zero/, text);
    }
  });

  test('are rates that can be counted exactly', () => {
    assert.equal(parseRate(1000)('1k'), 1000);
    assert.throws(() => parseRate(1000)('1001'), /Write at most 1,000, or leave it out/);
    assert.throws(() => parseRate(1000)('0'), /whole number over zero/);
  });

  test('are budgets, with or without a dollar sign, one of each period', () => {
    const day = parseBudget('20/day', {});
    assert.deepEqual(day, { dailyNanoUsd: 20e9 });
    assert.deepEqual(parseBudget('$20/day', {}), day);
    assert.deepEqual(parseBudget('$0.000000001/week', day), { dailyNanoUsd: 20e9, weeklyNanoUsd: 1 });
    assert.deepEqual(parseBudget('300.50/month', {}), { monthlyNanoUsd: 300.5e9 });
    for (const text of [
      '20',
      '20/year',
      '0/day',
      '-1/day',
      '€20/day',
      '20/Day',
      '9999999999/day',
      '9999999/day',
    ]) {
      assert.throws(() => parseBudget(text, {}), /Write dollars over zero/, text);
    }
    assert.throws(() => parseBudget('30/day', day), /a budget for a day already/);
  });

  test('are spans longer than a timer can be', () => {
    assert.equal(parseSpan('90d'), 90 * 86_400_000);
    assert.equal(parseSpan('52w'), 364 * 86_400_000);
    assert.equal(parseSpan('30m'), 1_800_000);
    for (const text of ['0d', 'd', '1y', '-1d', '1.5d', '999999d', '']) {
      assert.throws(() => parseSpan(text), /12h, 90d or 52w/, text);
    }
  });

  test('are moments: so long ago, a day in UTC, a time', () => {
    const now = Date.UTC(2026, 10, 21, 12);
    assert.equal(parseMoment('7d', now), Date.UTC(2026, 10, 14, 12));
    assert.equal(parseMoment('2026-11-01', now), Date.UTC(2026, 10, 1));
    assert.equal(parseMoment('2024-02-29', now), Date.UTC(2024, 1, 29));
    assert.equal(parseMoment('2026-11-01T08:00:00+02:00', now), Date.UTC(2026, 10, 1, 6));
    for (const text of [
      '2026-02-29',
      '2026-13-01',
      '2026-11',
      '01.11.2026',
      'yesterday',
      '2026-11-01T08:00',
      '',
    ]) {
      assert.throws(() => parseMoment(text, now), /Write how long ago/, text);
    }
  });

  test('are lists without gaps', () => {
    assert.deepEqual(parseList('a, b*,c'), ['a', 'b*', 'c']);
    assert.throws(() => parseList('a,,b'), /with commas between them/);
    assert.throws(() => parseList(''), /with commas between them/);
  });

  test('are printed with as many digits as say something', () => {
    assert.deepEqual(
      [0, 1, 123_456, 12_345_678, 1_234_567_890, 1_234_567_891_234, -500_000_000].map(dollars),
      ['$0.00', '<$0.000001', '$0.000123', '$0.0123', '$1.2346', '$1,234.57', '-$0.5000'],
    );
    assert.deepEqual([0, 999, 1000, 1_234_567, 1234.5678].map(thousands), [
      '0',
      '999',
      '1,000',
      '1,234,567',
      '1,234.5678',
    ]);
  });
});

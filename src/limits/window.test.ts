import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createWindows, isZone, type Period } from './window.ts';

const at = (text: string): number => Date.parse(text);

describe('the window of a budget', () => {
  const rows: readonly [Period, string, string, string, string, string][] = [
    ['day', 'UTC', '2026-11-21T10:00:00Z', '2026-11-21', '2026-11-21T00:00:00Z', '2026-11-22T00:00:00Z'],
    [
      'day',
      'Europe/Berlin',
      '2026-11-20T23:30:00Z',
      '2026-11-21',
      '2026-11-20T23:00:00Z',
      '2026-11-21T23:00:00Z',
    ],
    // The night in which the clocks go back is 25 hours long, the one in which they go forward 23.
    [
      'day',
      'Europe/Berlin',
      '2026-10-25T12:00:00Z',
      '2026-10-25',
      '2026-10-24T22:00:00Z',
      '2026-10-25T23:00:00Z',
    ],
    [
      'day',
      'Europe/Berlin',
      '2026-03-29T12:00:00Z',
      '2026-03-29',
      '2026-03-28T23:00:00Z',
      '2026-03-29T22:00:00Z',
    ],
    ['week', 'UTC', '2026-11-21T10:00:00Z', '2026-11-16', '2026-11-16T00:00:00Z', '2026-11-23T00:00:00Z'],
    [
      'month',
      'America/New_York',
      '2026-11-01T03:59:59Z',
      '2026-10-01',
      '2026-10-01T04:00:00Z',
      '2026-11-01T04:00:00Z',
    ],
    ['month', 'UTC', '2028-02-29T00:00:00Z', '2028-02-01', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
  ];
  for (const [period, zone, now, name, start, end] of rows) {
    test(`a ${period} in ${zone} at ${now} begins on ${name}`, () => {
      const windows = createWindows(period, zone);
      assert.deepEqual(windows(at(now)), { name, startMs: at(start), endMs: at(end) });
      // The next one begins with the first millisecond after it.
      assert.equal(windows(at(end)).startMs, at(end));
      assert.equal(windows(at(end) - 1).name, name);
    });
  }

  test('knows a zone from a misspelt one', () => {
    assert.ok(isZone('Asia/Kolkata'));
    assert.ok(!isZone('Europe/Berln'));
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readCacheTerms, writeCacheNote } from './cache-terms.ts';

describe('what a caller wants of kept answers', () => {
  for (const [header, terms] of [
    [undefined, { read: true, keep: true }],
    ['', { read: true, keep: true }],
    ['no-cache', { read: false, keep: true }],
    ['No-Cache', { read: false, keep: true }],
    ['no-store', { read: true, keep: false }],
    ['private,no-cache , no-store', { read: false, keep: false }],
    ['max-age=30', { read: true, keep: true, mostAgeMs: 30_000 }],
    ['max-age=0, no-transform', { read: true, keep: true, mostAgeMs: 0 }],
    // What cannot be read asks for nothing.
    ['max-age=-1', { read: true, keep: true }],
    ['max-age=1e9', { read: true, keep: true }],
    ['max-age=99999999999', { read: true, keep: true }],
    ['no-cached', { read: true, keep: true }],
    [['no-cache', 'no-store'], { read: false, keep: false }],
  ] as const)
    test(`${JSON.stringify(header)}`, () =>
      assert.deepEqual(readCacheTerms(typeof header === 'object' ? [...header] : header), terms));

  test('and what it is told', () => {
    assert.equal(writeCacheNote({ kind: 'hit', ageS: 12 }), 'hit; age=12');
    assert.equal(writeCacheNote({ kind: 'miss' }), 'miss');
    assert.equal(writeCacheNote({ kind: 'bypass' }), 'bypass');
  });
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { hashKey, makeKey, parseKey } from './key.ts';

describe('a key', () => {
  test('has one form, which is read back', () => {
    for (const admin of [false, true]) {
      const { id, text, hash } = makeKey(admin);
      assert.match(text, admin ? /^imk_admin_\w{12}_\w{40}$/ : /^imk_[0-9A-Za-z]{12}_[0-9A-Za-z]{40}$/);
      assert.deepEqual(parseKey(text), { id, admin });
      assert.equal(hash, createHash('sha256').update(text).digest('base64url'));
      assert.equal(hash, hashKey(text));
    }
  });

  test('is never the same', () => {
    const keys = Array.from({ length: 1000 }, () => makeKey(false));
    assert.equal(new Set(keys.map(({ text }) => text)).size, 1000);
    assert.equal(new Set(keys.map(({ id }) => id)).size, 1000);
  });

  test('favours no letter, and takes no byte that would', () => {
    const letters = Array.from({ length: 256 }, (_, byte) => byte).flatMap((byte) => {
      const only = (count: number) => new Uint8Array(count).fill(byte);
      if (byte < 248) return [makeKey(false, only).text.at(-1)];
      assert.throws(() => makeKey(false, only), /no usable bytes/);
      return [];
    });
    const counts = new Map(letters.map((letter) => [letter, letters.filter((one) => one === letter).length]));
    assert.equal(counts.size, 62);
    assert.deepEqual(new Set(counts.values()), new Set([4]));
    // Thrown away, not ended by: one bad byte in each lot must not cost a letter.
    const mixed = (count: number) => new Uint8Array(count).fill(7, 1).fill(255, 0, 1);
    assert.match(makeKey(false, mixed).text, /^imk_7{12}_7{40}$/);
  });

  test('is nothing else', () => {
    const { text } = makeKey(false);
    for (const other of [
      '',
      'imk_',
      `${text}x`,
      ` ${text}`,
      `${text}\n`,
      text.slice(1),
      text.toUpperCase(),
      text.replace('imk_', 'imk_admn_'),
      `${text.slice(0, -1)}-`,
    ]) {
      assert.equal(parseKey(other), undefined, other);
    }
  });
});

import assert from 'node:assert/strict';
import { hash as digest } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Seen, Twins } from './twins.ts';

const sha = (text: string): string => digest('sha256', text, 'base64url');
/** Chosen so that home slot and fingerprint are as wanted. */
const crafted = (home: string, fingerprint: string, rest = ''): string => `${home}${fingerprint}${rest}`;

describe('a table of hashes', () => {
  test('names every item that was added with a hash, and hardly another', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 120 }), (values) => {
        const seen = new Seen(values.length);
        const model = new Map<string, number[]>();
        for (const [index, value] of values.entries()) {
          const hash = sha(`${value}`);
          assert.deepEqual(seen.candidates(hash), (model.get(hash) ?? []).slice(0, 4));
          seen.add(hash, index + 1);
          model.set(hash, [...(model.get(hash) ?? []), index + 1]);
        }
        for (const [hash, seqs] of model) assert.deepEqual(seen.candidates(hash), seqs.slice(0, 4));
      }),
    );
  });

  test('is full when as many as it was made for are in it, and says so', () => {
    const seen = new Seen(100);
    for (let seq = 1; seq <= 100; seq++) seen.add(sha(`${seq}`), seq);
    assert.equal(seen.size, 100);
    assert.deepEqual(seen.candidates(sha('100')), [100]);
    assert.throws(() => seen.add(sha('101'), 101), /made for 100 items/);
    assert.deepEqual(seen.candidates(sha('101')), []);
  });

  test('goes on at its start where hashes crowd its end', () => {
    const seen = new Seen(10);
    for (let seq = 1; seq <= 10; seq++) seen.add(crafted('______', `AAAAA${'ABCDEFGHIJ'[seq - 1]}`), seq);
    for (let seq = 1; seq <= 10; seq++) {
      assert.deepEqual(seen.candidates(crafted('______', `AAAAA${'ABCDEFGHIJ'[seq - 1]}`)), [seq]);
    }
  });

  test('gives a candidate, not a verdict: other hashes may share the bits that it keeps', () => {
    const seen = new Seen(10);
    seen.add(crafted('AAAAAA', 'BBBBBB', 'one'), 1);
    assert.deepEqual(seen.candidates(crafted('AAAAAA', 'BBBBBB', 'two')), [1]);
    seen.add(crafted('AAAAAA', 'BBBBBB', 'two'), 2);
    assert.deepEqual(seen.candidates(crafted('AAAAAA', 'BBBBBB', 'two')), [1, 2]);
  });

  test('a million equal hashes take a few slots and no time', () => {
    const seen = new Seen(1_000_000);
    const hash = sha('x');
    for (let seq = 1; seq <= 1_000_000; seq++) seen.add(hash, seq);
    assert.deepEqual(seen.candidates(hash), [1, 2, 3, 4]);
    assert.equal(seen.size, 4);
  });

  test('reset forgets all', () => {
    const seen = new Seen(2);
    seen.add(sha('a'), 1);
    seen.add(sha('b'), 2);
    seen.reset();
    assert.deepEqual(seen.candidates(sha('a')), []);
    seen.add(sha('c'), 3);
    assert.deepEqual(seen.candidates(sha('c')), [3]);
  });

  test('takes a size that can be made', () => {
    for (const most of [0, -1, 1.5, Number.NaN, 2 ** 31]) assert.throws(() => new Seen(most), RangeError);
    const one = new Seen(1);
    one.add(sha('a'), 4_294_967_295);
    assert.deepEqual(one.candidates(sha('a')), [4_294_967_295]);
  });
});

describe('twins', () => {
  test('are found by hash, and custom ids by name; rejected lines have no hash', () => {
    const twins = new Twins(10);
    twins.add({ seq: 1, customId: 'a', hash: sha('x') });
    twins.add({ seq: 2, customId: 'b', hash: '' });
    twins.add({ seq: 3, customId: 'ä'.repeat(64), hash: '' });
    assert.deepEqual(twins.sameHash(sha('x')), [1]);
    assert.deepEqual(twins.sameHash(''), []);
    assert.deepEqual(twins.sameCustomId('b'), [2]);
    assert.deepEqual(twins.sameCustomId('ä'.repeat(64)), [3]);
    assert.deepEqual(twins.sameCustomId('c'), []);
  });

  test('filled again from the same rows find the same', () => {
    const rows = Array.from({ length: 1000 }, (_, index) => ({
      seq: index + 1,
      customId: `item-${index % 900}`,
      hash: sha(`${index % 500}`),
    }));
    const [first, again] = [new Twins(1000), new Twins(1000)];
    for (const row of rows) first.add(row);
    again.add({ seq: 9, customId: 'left over', hash: sha('left over') });
    again.reset();
    for (const row of rows) again.add(row);
    assert.deepEqual(again.sameCustomId('left over'), []);
    for (const row of rows) {
      assert.deepEqual(again.sameHash(row.hash), first.sameHash(row.hash));
      assert.equal(first.sameHash(row.hash)[0], ((row.seq - 1) % 500) + 1);
      assert.deepEqual(again.sameCustomId(row.customId), first.sameCustomId(row.customId));
    }
  });
});

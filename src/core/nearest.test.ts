import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nearest } from './nearest.ts';

const names = ['openai', 'anthropic', 'vertex', 'claude-haiku-4-5', 'tags'];
const table: readonly (readonly [string, string | undefined])[] = [
  ['antropic', 'anthropic'],
  ['Anthropic', 'anthropic'],
  ['opnai', 'openai'],
  ['tag', 'tags'],
  ['tgas', 'tags'],
  ['claude-haiku-4.5', 'claude-haiku-4-5'],
  ['bedrock', undefined],
  ['', undefined],
  ['x'.repeat(500), undefined],
];

describe('nearest', () => {
  for (const [name, wanted] of table)
    test(`${name.slice(0, 20) || 'nothing'} means ${wanted ?? 'none of them'}`, () =>
      assert.equal(nearest(name, names), wanted));
  test('there may be nothing to choose from', () => assert.equal(nearest('openai', []), undefined));
  test('a name is nearest to itself, and two neighbours changed about still mean it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{4,12}$/), fc.nat(), (name, seed) => {
        assert.equal(nearest(name, [name, 'zzzzzzzzzzzzzzzz']), name);
        const at = seed % (name.length - 1);
        const swapped = `${name.slice(0, at)}${name[at + 1]}${name[at]}${name.slice(at + 2)}`;
        assert.equal(nearest(swapped, [name]), name);
      }),
    );
  });
});

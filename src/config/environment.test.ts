import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fillIn, pathKey } from './environment.ts';
import type { Problem } from './problem.ts';

const env = { HOST: 'north', PORT: '8080', EMPTY: '', DOLLAR: '$HOST ${HOST}' };
const fill = (raw: unknown): { value: unknown; problems: Problem[] } => {
  const problems: Problem[] = [];
  return { value: fillIn(raw, env, problems).value, problems };
};

const right: readonly (readonly [unknown, unknown])[] = [
  ['${HOST}', 'north'],
  ['http://${HOST}:${PORT}/v1', 'http://north:8080/v1'],
  ['${NONE:-south}', 'south'],
  ['${NONE:-}', ''],
  ['${EMPTY:-south}', 'south'],
  ['${HOST:-south}', 'north'],
  ['${NONE:-http://a:1/b}', 'http://a:1/b'],
  ['$$20', '$20'],
  ['$${HOST}', '${HOST}'],
  ['$HOST', '$HOST'],
  ['100$', '100$'],
  ['${DOLLAR}', '$HOST ${HOST}'],
  [7, 7],
  [null, null],
  [{ a: ['${HOST}', { b: '${PORT}' }] }, { a: ['north', { b: '8080' }] }],
];

describe('variables', () => {
  for (const [raw, wanted] of right)
    test(`${JSON.stringify(raw)} is ${JSON.stringify(wanted)}`, () =>
      assert.deepEqual(fill(raw), { value: wanted, problems: [] }));

  test('one that is not set is a problem at its place, each of several', () => {
    const { value, problems } = fill({ list: ['ok', '${A}-${B}'], EMPTY: '${EMPTY}' });
    assert.deepEqual(value, { list: ['ok', '${A}-${B}'], EMPTY: '${EMPTY}' });
    assert.deepEqual(
      problems.map(({ path, message }) => [pathKey(path), message]),
      [
        ['["list",1]', 'the environment variable A is not set'],
        ['["list",1]', 'the environment variable B is not set'],
        ['["EMPTY"]', 'the environment variable EMPTY is not set'],
      ],
    );
  });

  test('what stood in the file is remembered, so that values need not be shown', () => {
    const filled = fillIn({ key: 'x-${HOST}', other: 'plain', cost: '$$5' }, env, []);
    assert.deepEqual([...filled.written], [['["key"]', 'x-${HOST}']]);
  });

  test('a key named like a part of every object is a key like any other', () => {
    const raw: unknown = JSON.parse('{"__proto__": "${HOST}", "constructor": "${PORT}"}');
    const { value } = fill(raw);
    assert.equal(JSON.stringify(value), '{"__proto__":"north","constructor":"8080"}');
  });
});

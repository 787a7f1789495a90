import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
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

describe('secrets in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-secrets-'));
  after(() => rmSync(folder, { recursive: true }));
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const key = put('key', 'sk-of-a-file\n');

  test('are filled in without the line end, whole or as part of a text', () => {
    const lines = put('lines', 'one\ntwo\r\n');
    assert.deepEqual(
      fill([`\${file:${key}}`, `redis://:\${file:${key}}@\${HOST}:6379`, `\${file:${lines}}`]),
      {
        value: ['sk-of-a-file', 'redis://:sk-of-a-file@north:6379', 'one\ntwo'],
        problems: [],
      },
    );
  });

  test('what is in a file means nothing but itself', () => {
    assert.equal(fill(`\${file:${put('odd', '${HOST} $$ $HOST')}}`).value, '${HOST} $$ $HOST');
  });

  test('a default stands in for one that cannot be read', () => {
    assert.equal(fill(`\${file:${folder}/none:-plain}`).value, 'plain');
    assert.equal(fill(`\${file:${key}:-plain}`).value, 'sk-of-a-file');
  });

  test('what cannot be read is a problem, and says nothing of what is in it', () => {
    mkdirSync(join(folder, 'directory'));
    const large = put('large', 'x'.repeat(65 * 1024));
    for (const [path, why] of [
      [join(folder, 'none'), 'is not there'],
      [join(folder, 'directory'), 'is not a file'],
      [put('empty', '\n'), 'is empty'],
      [large, 'is larger than 64 kB'],
      ['secrets/key', 'is not an absolute path'],
    ] as const) {
      const { value, problems } = fill(`\${file:${path}}`);
      assert.equal(value, `\${file:${path}}`);
      assert.deepEqual(
        problems.map(({ message }) => message),
        [`the file ${path} ${why}`],
      );
    }
  });

  test('the path of one may hold variables, and messages show it as it was written', () => {
    const at = (text: string) => {
      const problems: Problem[] = [];
      const { value } = fillIn(text, { PLACE: folder, SECRET: 'sk-1' }, problems);
      return { value, messages: problems.map(({ message }) => message) };
    };
    const right = { value: 'sk-of-a-file', messages: [] };
    assert.deepEqual(at('${file:${PLACE}/key}'), right);
    assert.deepEqual(at(`\${file:\${NONE:-${folder}}/key:-other}`), right);
    assert.equal(at('${file:${PLACE}/none:-plain}').value, 'plain');
    assert.deepEqual(at('${file:${SECRET}}').messages, ['the file ${SECRET} is not an absolute path']);
    assert.deepEqual(at('${file:${NONE}/key}').messages, ['the environment variable NONE is not set']);
  });

  test('a variable that is not set is what is in the file that NAME_FILE names', () => {
    const files = {
      TOKEN_FILE: key,
      SET: 'own',
      SET_FILE: key,
      EMPTY: '',
      EMPTY_FILE: key,
      LOST_FILE: join(folder, 'none'),
      LOOSE_FILE: 'key',
      UNNAMED_FILE: '',
    };
    const at = (text: string) => {
      const problems: Problem[] = [];
      const { value } = fillIn(text, files, problems);
      return [value, ...problems.map(({ message }) => message)];
    };
    assert.deepEqual(at('Bearer ${TOKEN}'), ['Bearer sk-of-a-file']);
    assert.deepEqual(at('${TOKEN:-default}'), ['sk-of-a-file']);
    assert.deepEqual(at('${SET}'), ['own']);
    assert.deepEqual(at('${EMPTY}'), ['sk-of-a-file']);
    assert.deepEqual(at('${UNNAMED:-default}'), ['default']);
    const lost = 'the environment variable LOST is not set, and the file that LOST_FILE names is not there';
    assert.deepEqual(at('${LOST}'), ['${LOST}', lost]);
    // A default would hide the mistake.
    assert.deepEqual(at('${LOST:-default}'), ['${LOST:-default}', lost]);
    assert.deepEqual(at('${LOOSE}').slice(1), [
      'the environment variable LOOSE is not set, and the file that LOOSE_FILE names is not an absolute path',
    ]);
  });

  test('messages show the reference in place of the value', () => {
    const filled = fillIn({ api_key: `\${file:${key}}` }, env, []);
    assert.deepEqual([...filled.written], [['["api_key"]', `\${file:${key}}`]]);
  });
});

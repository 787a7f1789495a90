/** The files of deploy/, read for the tests that hold them to the code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { asArray, asObject } from '../../src/core/json.ts';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const deploy = join(root, 'deploy');
export const read = (file: string): string => readFileSync(join(deploy, file), 'utf8');

export type Tree = Readonly<Record<string, unknown>>;
export function documents(file: string): readonly Tree[] {
  return parseAllDocuments(read(file), { merge: true }).map((one) => {
    assert.deepEqual([...one.errors, ...one.warnings], [], file);
    return asObject(one.toJS());
  });
}
export function only(file: string): Tree {
  const [first, ...others] = documents(file);
  assert.ok(first !== undefined && others.length === 0, file);
  return first;
}

export function at(tree: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof part === 'number' ? asArray(value)[part] : asObject(value)[part]),
    tree,
  );
}

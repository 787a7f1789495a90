/**
 * `KEY_file: /run/secrets/name` is another way to write `KEY: ${file:/run/secrets/name}`, for every key whose schema says that it may stand in
 * a file. It is written out before anything else is read of a config; what is wrong with it is told at the key that the file has.
 */
import type { z } from 'zod';
import { isObject } from '../core/json.ts';
import { type Environment, fillIn, pathKey } from './environment.ts';
import type { Path, Problem } from './problem.ts';
import { fileKeyOf, fromFiles, ofType, unwrap, within } from './schema-walk.ts';

export interface WrittenOut {
  readonly value: unknown;
  /** A problem with what a file holds, as one of the key that names it. */
  readonly place: (problem: Problem) => Problem;
}

export function writeOutFiles(
  raw: unknown,
  schema: z.ZodType,
  env: Environment,
  problems: Problem[],
): WrittenOut {
  const named = new Set<string>();

  function under(value: unknown, at: unknown, path: Path): unknown {
    if (Array.isArray(value))
      return value.map((one, index) => under(one, within(at, index), [...path, index]));
    if (!isObject(value)) return value;
    const found = ofType(at, typeOf(value, env));
    const byFileKey = new Map(fromFiles(found).map((key) => [fileKeyOf(key), key]));
    const entries = Object.entries(value).flatMap(([key, one]): (readonly [string, unknown])[] => {
      const meant = byFileKey.get(key);
      if (meant === undefined) return [[key, under(one, within(found, key), [...path, key])]];
      if (Object.hasOwn(value, meant)) {
        problems.push(both([...path, key], meant, key));
        return [];
      }
      named.add(pathKey([...path, meant]));
      return [[meant, reference(one, [...path, meant], problems)]];
    });
    return Object.fromEntries(entries);
  }

  const value = under(raw, unwrap(schema), []);
  return {
    value,
    place: (problem) => {
      const { path } = problem;
      const last = path.at(-1);
      if (typeof last !== 'string' || !named.has(pathKey(path))) return problem;
      return { ...problem, path: [...path.slice(0, -1), fileKeyOf(last)] };
    },
  };
}

/** A type may come from a variable, too; what is wrong with that is told when all of them are filled in. */
function typeOf(value: Readonly<Record<string, unknown>>, env: Environment): string {
  return String(fillIn(value['type'], env, []).value);
}

/** The text that stands for what is in the file. What is no path is not shown: it may be the secret, under the wrong key. */
function reference(file: unknown, path: Path, problems: Problem[]): string {
  const key = String(path.at(-1));
  const fix = `Write the whole path of a file, such as /run/secrets/${key}; the value itself stands under ${key}.`;
  if (file === null || file === '') problems.push({ path, message: 'nothing stands here', fix });
  else if (typeof file !== 'string') problems.push({ path, message: 'this is not the path of a file', fix });
  else if (!/^(?:\/|\$\{)/.test(file))
    problems.push({ path, message: 'this is not an absolute path (not shown)', fix });
  else return `\${file:${file}}`;
  return '';
}

function both(path: Path, key: string, fileKey: string): Problem {
  return { path, message: `both "${key}" and "${fileKey}" are given`, fix: 'Keep one of them.', atKey: true };
}

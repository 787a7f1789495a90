/** The schema library's issues in our words: what is wrong, the value seen, what would be right. */
import type { z } from 'zod';
import type { Path, Problem } from './problem.ts';
import { keysAt, unionAt } from './schema-walk.ts';
import type { Seen } from './seen.ts';
import { suggest } from './suggest.ts';

export interface Reading {
  readonly schema: z.ZodType;
  readonly raw: unknown;
  readonly seen: Seen;
}

export function readIssue(issue: z.core.$ZodIssue, reading: Reading): readonly Problem[] {
  const path = pathIn(reading.raw, issue.path);
  const value = valueAt(reading.raw, path);
  const seen = reading.seen(path, value);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], key, reading));
    case 'invalid_type':
      return [wrongType(expected(issue.expected), path, value, seen)];
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      if (value === undefined) return [missing(path, `Allowed: ${allowed.join(', ')}.`)];
      return [{ path, message: `${seen} is not allowed here`, fix: suggest(String(value), allowed) }];
    }
    case 'invalid_union':
      return [unionProblem(issue, path, value, reading)];
    case 'too_small':
      return [tooSmall(issue, path, seen)];
    case 'too_big':
      return [{ path, message: `${seen} is too large`, fix: `The most is ${issue.maximum}.` }];
    case 'invalid_key':
      return [
        {
          path,
          message: `"${String(path.at(-1))}" is not a name`,
          fix: 'Use letters, digits, dots, dashes and underscores.',
          atKey: true,
        },
      ];
    case 'invalid_format':
      return [{ path, ...inWords(issue.message, seen) }];
    case 'custom':
      return [customProblem(issue, path, seen, value)];
    default:
      return [{ path, message: `${seen} is not allowed here`, fix: `${issue.message.replace(/\.$/, '')}.` }];
  }
}

/** The schema sees one value as a list of one; the file has no such place. */
function pathIn(raw: unknown, parts: readonly PropertyKey[]): Path {
  const path = parts.filter((part): part is string | number => typeof part !== 'symbol');
  const parent = valueAt(raw, path.slice(0, -1));
  const wrapped = path.at(-1) === 0 && parent !== undefined && typeof parent !== 'object';
  return wrapped ? path.slice(0, -1) : path;
}

function wrongType(what: string, path: Path, value: unknown, seen: string): Problem {
  if (value === undefined) return missing(path, `It must be ${what}.`);
  if (value === null) return { path, message: 'nothing stands here', fix: `Write ${what}.` };
  const quoted = typeof value === 'string' && /number$/.test(what) && /^\d+(?:\.\d+)?$/.test(value);
  return {
    path,
    message: `${seen} is not ${what}`,
    fix: quoted ? 'Write it without quotes.' : `Write ${what}.`,
  };
}

function unknownKey(path: Path, key: string, { schema, raw }: Reading): Problem {
  return {
    path,
    message: `unknown key "${key}"`,
    fix: suggest(key, keysAt(schema, raw, path.slice(0, -1))),
    atKey: true,
  };
}

/** Told at the mapping that lacks it. */
function missing(path: Path, fix: string): Problem {
  return { path: path.slice(0, -1), message: `"${String(path.at(-1))}" is missing`, fix };
}

function tooSmall(issue: z.core.$ZodIssueTooSmall, path: Path, seen: string): Problem {
  if (issue.origin === 'array')
    return { path, message: 'the list is empty', fix: 'Write at least one entry.' };
  if (issue.origin === 'string') return { path, message: `${seen} is empty`, fix: 'Write a text.' };
  return { path, message: `${seen} is too small`, fix: `The least is ${issue.minimum}.` };
}

/** Our own units say what a value is not; a provider's settings speak in a sentence that begins with "must". */
function customProblem(issue: z.core.$ZodIssueCustom, path: Path, seen: string, value: unknown): Problem {
  const not: unknown = issue.params?.['not'];
  const fix: unknown = issue.params?.['fix'];
  if (typeof fix !== 'string') return { path, ...inWords(issue.message, seen) };
  if (typeof not === 'string' && value === undefined) return missing(path, fix);
  if (typeof not === 'string' && value === null) return { path, message: 'nothing stands here', fix };
  return {
    path,
    message: typeof not === 'string' ? `${seen} is not ${not}` : issue.message,
    fix,
    ...(issue.message.startsWith('unknown key') ? { atKey: true } : {}),
    ...(issue.params?.['hollow'] === true ? { hollow: true } : {}),
  };
}

function inWords(message: string, seen: string): { message: string; fix: string } {
  const sentence = message.replace(/^Invalid [\w ]+: /, '').replace(/\.$/, '');
  if (sentence.startsWith('must ')) return { message: `${seen} is not allowed here`, fix: `It ${sentence}.` };
  return { message: `${seen} is not allowed here`, fix: `${sentence}.` };
}

/** A provider's settings by its type, or a value that may have several forms. */
function unionProblem(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  value: unknown,
  { schema, raw, seen }: Reading,
): Problem {
  const place = path.at(-1) === 'type' ? path : [...path, 'type'];
  const types = unionAt(schema, raw, place.slice(0, -1));
  if (types.length === 0) {
    const forms = issue.errors.flatMap((branch) =>
      branch[0]?.code === 'invalid_type' ? [expected(branch[0].expected)] : [],
    );
    return {
      path,
      message: `${seen(path, value)} is not allowed here`,
      fix: `Write ${[...new Set(forms)].join(' or ')}.`,
    };
  }
  const type = valueAt(raw, place);
  if (type === undefined) return missing(place, `Allowed: ${types.join(', ')}.`);
  return {
    path: place,
    message: `unknown provider type ${seen(place, type)}`,
    fix: suggest(String(type), types),
  };
}

const words: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'a text',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
};

function expected(type: string): string {
  return words[type] ?? `a ${type}`;
}

export function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

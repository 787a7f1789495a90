/**
 * `${NAME}`, `${file:/run/secrets/name}` and `${…:-default}` in any string of a config; `$$` is a dollar sign. What a variable is, is said here
 * alone, for the config and for providers: where `NAME` is not set, `NAME_FILE` may name a file.
 */
import { GatewayError } from '../core/errors.ts';
import type { Path, Problem } from './problem.ts';
import { readSecretFile } from './secret-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Filled {
  readonly value: unknown;
  /** What stood in the file where a variable was filled in, by `pathKey`: messages show this, since the value may be a secret. */
  readonly written: ReadonlyMap<string, string>;
}

export const pathKey = (path: Path): string => JSON.stringify(path);

const fileVariable = (name: string): string => `${name}_FILE`;

/** Whether the environment names a file for a variable. */
const isFileNamed = (name: string, env: Environment): boolean => (env[fileVariable(name)] ?? '') !== '';

export type Variable =
  | { readonly ok: true; readonly text: string | undefined }
  /** To stand behind the variable's name; never a word of what is in the file, nor where it is. */
  | { readonly ok: false; readonly why: string };

/** A variable; where it is not set, what is in the file that `NAME_FILE` names, which is how containers are given secrets. */
export function lookUp(env: Environment, name: string): Variable {
  const text = env[name];
  if ((text !== undefined && text !== '') || !isFileNamed(name, env)) return { ok: true, text };
  const file = readSecretFile(env[fileVariable(name)] ?? '');
  if (file.ok) return file;
  return { ok: false, why: `is not set, and the file that ${fileVariable(name)} names ${file.why}` };
}

export interface AskedEnvironment {
  /** Answers names that it is asked for, files included. Throws where a file is named that cannot be read. */
  readonly env: Environment;
  /** Whether everything that was asked would be answered the same now. */
  readonly holds: (now: Environment) => boolean;
}

/** The environment as whoever is made from it sees it, and what it went by. */
export function askedEnvironment(env: Environment): AskedEnvironment {
  const answers = new Map<string, string | undefined>();
  const ask = (name: string): string | undefined => {
    const found = lookUp(env, name);
    if (!found.ok) throw new GatewayError('upstream_auth', `${name} ${found.why}.`);
    answers.set(name, found.text);
    return found.text;
  };
  return {
    env: new Proxy<Record<string, string | undefined>>(
      {},
      { get: (_nothing, name) => (typeof name === 'string' ? ask(name) : undefined) },
    ),
    holds: (now) =>
      [...answers].every(([name, text]) => {
        const found = lookUp(now, name);
        return found.ok && found.text === text;
      }),
  };
}

/** The value with every string filled in. Problems name the place; the value then keeps its reference. */
export function fillIn(raw: unknown, env: Environment, problems: Problem[]): Filled {
  const written = new Map<string, string>();
  const fill = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') {
      const filled = fillText(value, env, (message, fix) => problems.push({ path, message, fix }));
      if (value.includes('${')) written.set(pathKey(path), value);
      return filled;
    }
    if (Array.isArray(value)) return value.map((one, index) => fill(one, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, [...path, key])]));
  };
  return { value: fill(raw, []), written };
}

/** `${…}`, or `$$`. The path of a file may hold variables itself. */
const references = /\$\$|\$\{(file:(?:\$\{[^{}]*\}|[^{}])*(?=\})|[^}]*)(\}?)/g;
const reference = /^(?:file:((?:\$\{[^{}]*\}|\$(?!\{)|[^$])+?)|([A-Za-z_][A-Za-z0-9_]*))(?::-(.*))?$/s;

type Complain = (message: string, fix: string) => void;

function fillText(text: string, env: Environment, complain: Complain): string {
  return text.replace(references, (whole, inner: string | undefined, close: string) => {
    if (inner === undefined) return '$';
    const match = reference.exec(inner);
    if (match === null || close === '') {
      complain(
        `"${whole}" is not a variable`,
        'Write ${NAME}, ${file:PATH} or ${NAME:-default}; a dollar sign that means itself is $$.',
      );
      return whole;
    }
    const [, path, name = '', fallback] = match;
    const complaints: Parameters<Complain>[] = [];
    const note: Complain = (...complaint) => complaints.push(complaint);
    const value = path === undefined ? fromVariable(name, env, note) : fromFile(path, env, note);
    if (value !== undefined) return value;
    // A file that somebody named and that cannot be read is a mistake, which a default would hide.
    if (fallback !== undefined && (path !== undefined || !isFileNamed(name, env))) return fallback;
    for (const complaint of complaints) complain(...complaint);
    return whole;
  });
}

function fromVariable(name: string, env: Environment, complain: Complain): string | undefined {
  const found = lookUp(env, name);
  if (found.ok && found.text !== undefined && found.text !== '') return found.text;
  const why = found.ok ? 'is not set' : found.why;
  const fix = found.ok
    ? `Set it, or give a default: \${${name}:-default}.`
    : `Put its value into a file there that this user may read, or unset ${fileVariable(name)}.`;
  complain(`the environment variable ${name} ${why}`, fix);
  return undefined;
}

/** Messages show the path as the config writes it: what a variable holds may be a secret that was taken for a path. */
function fromFile(path: string, env: Environment, complain: Complain): string | undefined {
  let whole = true;
  const filled = fillText(path, env, (...complaint) => {
    whole = false;
    complain(...complaint);
  });
  if (!whole) return undefined;
  const file = readSecretFile(filled);
  if (file.ok) return file.text;
  complain(
    `the file ${path} ${file.why}`,
    `Put the value into a file there that this user may read, or give a default: \${file:${path}:-default}.`,
  );
  return undefined;
}

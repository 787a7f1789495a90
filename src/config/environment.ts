/** `${NAME}`, `${file:/run/secrets/name}` and `${…:-default}` in any string of a config; `$$` is a dollar sign. */
import type { Path, Problem } from './problem.ts';
import { readSecretFile } from './secret-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Filled {
  readonly value: unknown;
  /** What stood in the file where a variable was filled in, by `pathKey`: messages show this, since the value may be a secret. */
  readonly written: ReadonlyMap<string, string>;
}

export const pathKey = (path: Path): string => JSON.stringify(path);

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

function fillText(text: string, env: Environment, complain: (message: string, fix: string) => void): string {
  return text.replace(/\$\$|\$\{([^}]*)(\}?)/g, (whole, reference: string | undefined, close: string) => {
    if (reference === undefined) return '$';
    const match = /^(?:file:(.+?)|([A-Za-z_][A-Za-z0-9_]*))(?::-(.*))?$/s.exec(reference);
    if (match === null || close === '') {
      complain(
        `"${whole}" is not a variable`,
        'Write ${NAME}, ${file:PATH} or ${NAME:-default}; a dollar sign that means itself is $$.',
      );
      return whole;
    }
    const [, path, name = '', fallback] = match;
    if (path !== undefined) {
      const file = readSecretFile(path);
      if (file.ok) return file.text;
      if (fallback !== undefined) return fallback;
      complain(
        `the file ${path} ${file.why}`,
        `Put the value into a file there that this user may read, or give a default: \${file:${path}:-default}.`,
      );
      return whole;
    }
    const value = env[name];
    if (value !== undefined && value !== '') return value;
    if (fallback !== undefined) return fallback;
    complain(
      `the environment variable ${name} is not set`,
      `Set it, or give a default: \${${name}:-default}.`,
    );
    return whole;
  });
}

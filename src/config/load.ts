/**
 * A config file, read: YAML, environment, schema, cross references. Every problem of every stage that could run is reported, each
 * with its line and column.
 */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { type Environment, type Filled, fillIn, pathKey } from './environment.ts';
import { readIssue, valueAt } from './issues.ts';
import { writeOutFiles } from './key-files.ts';
import type { ResolveWorld } from './make-providers.ts';
import { parseYaml } from './parse.ts';
import { type LocatedProblem, type Path, type Problem, writeProblem } from './problem.ts';
import { checkReferences } from './references.ts';
import { type Resolved, resolve } from './resolve.ts';
import { type Config, configSchema } from './schema.ts';
import { createSeen } from './seen.ts';

export interface LoadWorld extends ResolveWorld {
  readonly env: Environment;
  /** How the stand-ins' section looks; absent: anything goes. */
  readonly simulatorSchema?: z.ZodType;
}

export type Loaded =
  | ({ readonly ok: true; readonly config: Config } & Resolved)
  | { readonly ok: false; readonly problems: readonly LocatedProblem[] };

/** Reads and resolves a file. Never throws for what the file says, nor when it cannot be read. */
export function loadFile(file: string, world: LoadWorld): Loaded {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    const absent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    const problem = {
      message: absent ? 'there is no such file' : 'the file cannot be read',
      fix: absent ? 'Name a file that exists.' : 'It must be a file that this user may read.',
    };
    return { ok: false, problems: [{ file, line: 1, column: 1, path: [], ...problem }] };
  }
  return loadText(file, text, world);
}

export function loadText(file: string, text: string, world: LoadWorld): Loaded {
  const { raw: own, problems: syntax, locate, intact } = parseYaml(file, text);
  const problems: Problem[] = [];
  if (own === null || own === undefined) {
    if (syntax.length === 0)
      problems.push({ path: [], message: 'the file is empty', fix: 'Begin with providers and routes.' });
    return refused(syntax, problems.map(locate));
  }
  const schema = configSchema(world.registry, world.simulatorSchema);
  const { value: writtenOut, place } = writeOutFiles(own, schema, world.env, problems);
  const raw = world.rewrite?.(writtenOut) ?? writtenOut;
  const { value: filled, written } = fillIn(raw, world.env, problems);
  const unset = problems.map((problem) => pathKey(problem.path));
  const seen = createSeen(written);
  const { parsed, value } = parseTyped(schema, filled, written);
  if (!parsed.success) {
    const reading = { schema, raw: value, seen };
    problems.push(...parsed.error.issues.flatMap((issue) => readIssue(issue, reading)));
  }
  // Not after the schema but beside it, so that nobody mends one stage to be told of the next.
  checkReferences(value, seen, problems);
  const resolved =
    parsed.success && problems.length === 0 && syntax.length === 0
      ? resolve(parsed.data, raw, world, problems)
      : undefined;
  if (resolved === undefined || !parsed.success || problems.length > 0) {
    const told = problems
      .filter((one, index) => index < unset.length || !unset.includes(pathKey(one.path)))
      .map(place)
      .filter((one) => !isMisspelt(one, problems) && isTrusted(one, intact));
    return refused(syntax, told.map(locate));
  }
  return { ok: true, config: parsed.data, ...resolved };
}

/** As a user is told: one line a problem. */
export function writeProblems(problems: readonly LocatedProblem[]): string {
  return problems.map(writeProblem).join('\n');
}

/** A key that is missing because it is misspelt beside it is told once, where it stands. */
function isMisspelt({ path, message, hollow }: Problem, problems: readonly Problem[]): boolean {
  if (hollow === true)
    return problems.some(
      (other) =>
        other.message.startsWith('unknown key') && pathKey(other.path.slice(0, -1)) === pathKey(path),
    );
  const name = /^("[^"]+") is missing$/.exec(message)?.[1];
  if (name === undefined) return false;
  return problems.some(
    (other) =>
      other.message.startsWith('unknown key') &&
      other.fix === `Did you mean ${name}?` &&
      pathKey(other.path.slice(0, -1)) === pathKey(path),
  );
}

/** Where the syntax is broken, only what came before is judged: by itself, since what it refers to may be lost. */
function isTrusted(problem: Problem, intact: ReadonlySet<string> | undefined): boolean {
  if (intact === undefined) return true;
  const [section] = problem.path;
  const refers = section === 'routes' && !intact.has('providers');
  return typeof section === 'string' && intact.has(section) && !refers;
}

function refused(...lists: readonly (readonly LocatedProblem[])[]): Loaded {
  const problems = lists.flat().sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: false, problems };
}

/**
 * Variables are texts, so `port: ${PORT}` would never be a number. Where the schema asks for another type and the text has that
 * form, it becomes one; an api_key of digits stays a text.
 */
function parseTyped(schema: ReturnType<typeof configSchema>, value: unknown, written: Filled['written']) {
  const first = schema.safeParse(value);
  if (first.success || written.size === 0) return { parsed: first, value };
  const typed = structuredClone(value);
  let changed = false;
  for (const issue of first.error.issues) {
    const path = issue.path.filter((part): part is string | number => typeof part !== 'symbol');
    if (issue.code !== 'invalid_type' || !written.has(pathKey(path))) continue;
    const better = retype(valueAt(typed, path), issue.expected);
    if (better !== undefined) changed = setAt(typed, path, better) || changed;
  }
  return changed ? { parsed: schema.safeParse(typed), value: typed } : { parsed: first, value };
}

function retype(value: unknown, expected: string): number | boolean | undefined {
  if (typeof value !== 'string') return undefined;
  if (expected === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined;
  const isNumber = (expected === 'number' || expected === 'int') && /^-?\d{1,15}(?:\.\d{1,15})?$/.test(value);
  return isNumber ? Number(value) : undefined;
}

function setAt(root: unknown, path: Path, value: unknown): boolean {
  const parent = valueAt(root, path.slice(0, -1));
  const last = path.at(-1);
  return typeof parent === 'object' && parent !== null && last !== undefined
    ? Reflect.set(parent, last, value)
    : false;
}

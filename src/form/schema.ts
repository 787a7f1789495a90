/**
 * Checks values against the JSON Schemas (2020-12) that callers send with their requests. They are strangers' programs, so:
 *
 * - Nothing is fetched: a `$ref` to anywhere but the schema itself makes it one that cannot be checked.
 * - Size and depth are bounded before compiling, references are not inlined, and compiling and each check that may be slow
 *   (a regular expression, `uniqueItems`) run under a watchdog that ends them.
 * - Compiled once a schema, and the last `mostSchemas` are kept, by their text.
 *
 * A schema that cannot be checked is no fault of the answer: `schemaProblem` tells so before a batch is sent.
 */
import { createContext, Script } from 'node:vm';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { isObject } from '../core/json.ts';

type Schema = Readonly<Record<string, unknown>>;

/** `undefined`: the value fits; otherwise what is wrong with it, as the end of a sentence. */
export type Validate = (value: unknown) => string | undefined;

export type Compiled =
  | { readonly ok: true; readonly validate: Validate }
  | { readonly ok: false; readonly reason: string };

/** A batch has one schema, seldom more than a handful. */
const mostSchemas = 64;
/** Twice what providers accept. */
const mostLetters = 256_000;
const mostNodes = 20_000;
const mostDepth = 64;
/** Compiling takes milliseconds; a check microseconds. The watchdog itself costs 0.2 ms, so only what may be slow has it. */
const compileMs = 2_000;
const checkMs = 250;
const mayBeSlow: ReadonlySet<string> = new Set(['pattern', 'patternProperties', 'uniqueItems']);

const kept = new Map<string, Compiled>();

export function compileSchema(schema: Schema): Compiled {
  const text = JSON.stringify(schema);
  const found = kept.get(text);
  if (found !== undefined) {
    // The one used last goes last.
    kept.delete(text);
    kept.set(text, found);
    return found;
  }
  const compiled =
    text.length > mostLetters
      ? refused(`it is over ${mostLetters} letters long`)
      : compile(JSON.parse(text) as Schema); // Own copy: what compiles it later marks it, and callers' objects stay as they are.
  if (text.length <= mostLetters) kept.set(text, compiled);
  for (const oldest of kept.keys()) {
    if (kept.size <= mostSchemas) break;
    kept.delete(oldest);
  }
  return compiled;
}

function refused(reason: string): Compiled {
  return { ok: false, reason };
}

function compile(schema: Schema): Compiled {
  const survey: Survey = { nodes: 0, references: 0, slow: false };
  const problem = look(schema, 0, survey);
  if (problem !== undefined) return refused(problem);
  try {
    const check = watched(compileMs, () => compiler().compile(schema));
    const ask = (value: unknown): string | undefined => (check(value) ? undefined : describe(check));
    return { ok: true, validate: (value) => safely(value, isSlow(survey, value), ask) };
  } catch (thrown) {
    if (isTimeout(thrown)) return refused('it takes too long to compile');
    return refused(
      thrown instanceof Error ? thrown.message.slice(0, 200) : 'it is not a schema of JSON Schema 2020-12',
    );
  }
}

/** One for each schema: it keeps what it compiles, and must go with it. */
function compiler(): Ajv2020 {
  return new Ajv2020({
    strict: false,
    allErrors: false,
    // Formats are hints since 2019-09, and a provider does not keep them either.
    validateFormats: false,
    inlineRefs: false,
    logger: false,
    addUsedSchema: false,
  });
}

interface Survey {
  nodes: number;
  references: number;
  slow: boolean;
}

/** Over this many ways through its references a check is watched; a hundred thousand take some milliseconds. */
const mostWays = 100_000;

/** Schemas whose parts refer to each other may try each of them at each level of the answer. */
function isSlow({ slow, references }: Survey, value: unknown): boolean {
  if (slow || references < 2) return slow;
  return references > 16 || references ** depthOf(value, 16) > mostWays;
}

/** How deep it is nested, up to `most`. */
function depthOf(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null || most === 0) return 0;
  let deepest = 0;
  for (const inner of Object.values(value)) deepest = Math.max(deepest, depthOf(inner, most - 1));
  return deepest + 1;
}

/** What makes a schema one that is not compiled. */
function look(node: unknown, depth: number, survey: Survey): string | undefined {
  if (!isObject(node) && !Array.isArray(node)) return undefined;
  if (depth > mostDepth) return `it is nested over ${mostDepth} levels deep`;
  survey.nodes += 1;
  if (survey.nodes > mostNodes) return `it has over ${mostNodes} parts`;
  for (const [name, value] of Object.entries(node)) {
    if (mayBeSlow.has(name)) survey.slow = true;
    // It would make the check a promise, which is always true.
    if (name === '$async') return 'it has $async, which is no word of JSON Schema';
    const refers = (name === '$ref' || name === '$dynamicRef') && typeof value === 'string';
    if (refers) survey.references += 1;
    if (refers && !value.startsWith('#')) {
      return `it refers to ${JSON.stringify(value.slice(0, 80))}; only references into itself (#…) are followed`;
    }
    const problem = look(value, depth + 1, survey);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function safely(
  value: unknown,
  slow: boolean,
  ask: (value: unknown) => string | undefined,
): string | undefined {
  try {
    return slow ? watched(checkMs, () => ask(value)) : ask(value);
  } catch (thrown) {
    if (isTimeout(thrown)) return 'took too long to check';
    // A schema that refers to itself recurses as deep as the answer is nested.
    if (thrown instanceof RangeError) return 'is nested too deep to check';
    throw thrown;
  }
}

/** Where it is wrong and how, without the value: a message must not repeat what a model wrote. */
function describe(check: ValidateFunction): string {
  const [error] = check.errors ?? [];
  if (error === undefined) return 'does not fit the schema';
  const where = error.instancePath === '' ? 'the answer' : error.instancePath.slice(0, 120);
  const allowed: unknown = error.params['additionalProperty'];
  const which = typeof allowed === 'string' ? ` (${JSON.stringify(allowed.slice(0, 60))})` : '';
  return `does not fit the schema: ${where} ${error.message ?? 'is wrong'}${which}`;
}

let jail: { run: (ms: number) => unknown; job: () => unknown } | undefined;

/** Runs `job`, and ends it after so long, in the middle of a regular expression too. */
function watched<T>(ms: number, job: () => T): T {
  jail ??= makeJail();
  const made: { readonly value: T }[] = [];
  jail.job = () => {
    made.push({ value: job() });
  };
  jail.run(ms);
  const [only] = made;
  if (only === undefined) throw new TypeError('A job under the watchdog ended without a value.');
  return only.value;
}

function makeJail(): NonNullable<typeof jail> {
  const made = {
    job: (): unknown => undefined,
    run: (ms: number): unknown => script.runInContext(context, { timeout: ms }),
  };
  const context = createContext({ job: () => made.job() });
  const script = new Script('job()');
  return made;
}

function isTimeout(thrown: unknown): boolean {
  return isObject(thrown) && thrown['code'] === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

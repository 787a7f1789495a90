/**
 * Which requests are the same: those with one hash get one answer.
 *
 * The hash is SHA-256, in base64url, over the exact model version and the RFC 8785 canonical form of the body without the fields that do
 * not change what a model answers. Fields are left out at the top level alone: below it, a name such as `user` may be the caller's own.
 * A field that nobody here has heard of stays in: paying twice is cheaper than a wrong answer.
 *
 * The canonical form is written here and not by a library, because this runs for every item of a batch: it is a property test that both
 * write the same. Where the standard has no form (a lone surrogate, a number beyond 64 bits) the library throws and this writes
 * something that nothing else is written as, since such bodies reach providers all the same.
 */
import { hash } from 'node:crypto';
import type { ScannedBody } from '../core/body.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { parseBody } from './json-scan.ts';

/** How the answer travels, who asks, what it costs and where it is kept; `model` is given apart, as the version that is really asked. */
const withoutEffect: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'stream_options',
  'background',
  'user',
  'safety_identifier',
  'metadata',
  'store',
  'service_tier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
]);

/**
 * `model` must tell apart whatever answers differently to the same body: an operation as well, where two share a model.
 * Throws `invalid_request` if the body is not JSON below its top level, which scanning has not seen.
 */
export type Hasher = (model: string, body: ScannedBody) => string;

export function createHasher(): Hasher {
  const keys = createKeys();
  return (model, body) => {
    const tree = parseBody(body) as JsonObject; // JSON.parse makes nothing else, and the scan saw an object.
    return hash('sha256', `${model}\n${writeObject(tree, keys, withoutEffect)}`, 'base64url');
  };
}

/** RFC 8785, of a value that `JSON.parse` made. */
export function canonical(value: Json): string {
  return write(value, createKeys());
}

type WriteKey = (key: string) => string;

/** More would be names that callers make up, such as ids, and would fill memory. */
const mostKeys = 512;
/** Longer ones are not worth keeping. */
const longestKey = 64;

/** Requests have few names, so how each is written is kept. */
function createKeys(): WriteKey {
  const known = new Map<string, string>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const written = `${JSON.stringify(key)}:`;
    if (known.size < mostKeys && key.length <= longestKey) known.set(key, written);
    return written;
  };
}

function write(value: Json, keys: WriteKey): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      // -0 is written 0. JSON has no infinity, but 1e999 is read as one and must not be the same as null.
      return Number.isFinite(value) ? `${value}` : value > 0 ? 'Infinity' : '-Infinity';
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      if (value === null) return 'null';
      return isList(value) ? writeList(value, keys) : writeObject(value, keys);
  }
}

/** `Array.isArray` does not narrow a readonly list. */
function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}

function writeList(list: readonly Json[], keys: WriteKey): string {
  let text = '[';
  let comma = '';
  for (const value of list) {
    text += comma + write(value, keys);
    comma = ',';
  }
  return `${text}]`;
}

function writeObject(object: JsonObject, keys: WriteKey, without?: ReadonlySet<string>): string {
  const names = Object.keys(object);
  // Two thirds of all objects have a name or two, in order already.
  if (!inOrder(names)) names.sort();
  let text = '{';
  let comma = '';
  for (const name of names) {
    const value = object[name];
    if (value === undefined || without?.has(name)) continue;
    text += comma + keys(name) + write(value, keys);
    comma = ',';
  }
  return `${text}}`;
}

/** By UTF-16 code units, as the standard and `<` have it. */
function inOrder(names: readonly string[]): boolean {
  let before: string | undefined;
  for (const name of names) {
    if (before !== undefined && name < before) return false;
    before = name;
  }
  return true;
}

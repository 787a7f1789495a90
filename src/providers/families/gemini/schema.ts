/**
 * JSON Schema to the OpenAPI-like subset that models without raw JSON Schema take.
 *
 * Walks schema positions, never keys: a property that is named `$ref` or `title` is data. The caller's object is not changed.
 * What cannot be said is left out and told through `note`, unless leaving it out loses nothing (`$schema`, `title`).
 */
import { asArray, asNumber, asString, isObject } from '../../../core/json.ts';
import type { RestSchema } from './rest-shape.ts';

type Node = Readonly<Record<string, unknown>>;
export type Note = (keyword: string) => void;

/** A recursive type is unrolled this often, then cut to a plain object. More only makes the request grow. */
const deepestRecursion = 2;
/** References that fan out double with each level; past this many nodes they are cut too. */
const mostNodes = 5_000;

const formats = new Set(['date-time', 'enum', 'float', 'double', 'int32', 'int64']);
const annotations = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  '$anchor',
  'definitions',
  'title',
  'default',
  'example',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'additionalProperties',
]);
const converted = new Set([
  '$ref',
  'type',
  'nullable',
  'description',
  'format',
  'enum',
  'const',
  'properties',
  'required',
  'propertyOrdering',
  'items',
  'prefixItems',
  'anyOf',
  'oneOf',
  'allOf',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
]);

interface Walk {
  readonly root: Node;
  readonly note: Note;
  nodes: number;
}

export function convertSchema(schema: Node, note: Note): RestSchema {
  return convert(schema, [], { root: schema, note, nodes: 0 });
}

/** True for a schema that allows no member at all, which older models want left out. */
export function isEmptyObjectSchema(schema: Node): boolean {
  const { properties } = schema;
  const none = properties === undefined || (isObject(properties) && Object.keys(properties).length === 0);
  return none && (schema['type'] === 'object' || Object.keys(schema).length === 0);
}

function convert(value: unknown, refs: readonly string[], walk: Walk): RestSchema {
  walk.nodes += 1;
  if (!isObject(value)) return {};
  const { node, refs: inside, cut } = resolve(value, refs, walk);
  if (cut) return { type: 'OBJECT' };
  for (const key of Object.keys(node)) {
    if (!annotations.has(key) && !converted.has(key)) walk.note(key);
  }
  const all = asArray(node['allOf']);
  const merged = all.length === 0 ? node : mergeAll(node, all, inside, walk);
  return convertNode(merged, inside, walk);
}

interface Resolved {
  readonly node: Node;
  readonly refs: readonly string[];
  readonly cut: boolean;
}

/** Follows `$ref` as far as it leads; what stands beside it wins over what it points at. */
function resolve(value: Node, refs: readonly string[], walk: Walk): Resolved {
  let node = value;
  let seen = refs;
  for (let ref = asString(node['$ref']); ref !== undefined; ref = asString(node['$ref'])) {
    const target = pointer(walk.root, ref);
    const times = seen.filter((one) => one === ref).length;
    if (target === undefined || times > deepestRecursion || walk.nodes > mostNodes) {
      walk.note('$ref');
      return { node, refs: seen, cut: true };
    }
    seen = [...seen, ref];
    const { $ref: _, ...beside } = node;
    node = { ...target, ...beside };
  }
  return { node, refs: seen, cut: false };
}

/** `#`, `#/$defs/Name`: only inside the schema itself; nothing is fetched. */
function pointer(root: Node, ref: string): Node | undefined {
  if (ref === '#') return root;
  if (!ref.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const step of ref.slice(2).split('/')) {
    const key = decodeStep(step);
    at = Array.isArray(at) ? at[Number(key)] : isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return isObject(at) ? at : undefined;
}

function decodeStep(step: string): string {
  const plain = step.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(plain);
  } catch {
    // A lone percent sign is a name like any other.
    return plain;
  }
}

/** `allOf` has no counterpart: its members become one schema. */
function mergeAll(node: Node, members: readonly unknown[], refs: readonly string[], walk: Walk): Node {
  const { allOf: _, ...own } = node;
  let merged: Node = {};
  for (const member of [...members, own]) {
    if (!isObject(member)) continue;
    const { node: part, cut } = resolve(member, refs, walk);
    if (cut) continue;
    const properties = { ...asNode(merged['properties']), ...asNode(part['properties']) };
    const required = [...asArray(merged['required']), ...asArray(part['required'])];
    merged = {
      ...merged,
      ...part,
      ...(Object.keys(properties).length === 0 ? {} : { properties }),
      ...(required.length === 0 ? {} : { required: [...new Set(required)] }),
    };
  }
  const { allOf: __, ...flat } = merged;
  return flat;
}

function asNode(value: unknown): Node {
  return isObject(value) ? value : {};
}

function convertNode(node: Node, refs: readonly string[], walk: Walk): RestSchema {
  const { types, nullable } = readTypes(node);
  const alternatives = [...asArray(node['anyOf']), ...asArray(node['oneOf'])];
  const real = alternatives.filter((one) => asNode(one)['type'] !== 'null');
  const orNull = nullable || real.length < alternatives.length;
  const base = { ...describe(node), ...(orNull ? { nullable: true } : {}) };

  if (real.length === 1) {
    const only = convert(real[0], refs, walk);
    return { ...convertTyped(node, types[0], refs, walk), ...only, ...base };
  }
  if (real.length > 1)
    return {
      ...convertTyped(node, types[0], refs, walk),
      ...base,
      anyOf: real.map((one) => convert(one, refs, walk)),
    };
  if (types.length > 1) return { ...base, anyOf: types.map((type) => convertTyped(node, type, refs, walk)) };
  // The typed part last: it may tell more in its description.
  return { ...base, ...convertTyped(node, types[0], refs, walk) };
}

function describe(node: Node): RestSchema {
  const description = asString(node['description']);
  return description === undefined ? {} : { description };
}

function readTypes(node: Node): { readonly types: readonly string[]; readonly nullable: boolean } {
  const listed = typeof node['type'] === 'string' ? [node['type']] : asArray(node['type']);
  const named = listed.filter((type) => typeof type === 'string');
  const types = named.filter((type) => type !== 'null' || named.length === 1);
  const nullable =
    types.length < named.length || node['nullable'] === true || asArray(node['enum']).includes(null);
  if (types.length > 0) return { types, nullable };
  if (isObject(node['properties'])) return { types: ['object'], nullable };
  if (node['items'] !== undefined || node['prefixItems'] !== undefined) return { types: ['array'], nullable };
  return { types: [], nullable };
}

/** The keywords that belong to one type. */
function convertTyped(node: Node, type: string | undefined, refs: readonly string[], walk: Walk): RestSchema {
  const literals = 'const' in node ? [node['const']] : asArray(node['enum']);
  const named = type ?? (literals.length > 0 ? literalType(literals) : undefined);
  const format = asString(node['format']);
  const keepFormat = format !== undefined && formats.has(format);
  if (format !== undefined && !keepFormat) walk.note('format');
  return {
    ...(keepFormat ? { format } : {}),
    ...convertLiterals(literals, named, node, walk),
    ...typeOf(named),
    ...(named === 'object' ? convertObject(node, refs, walk) : {}),
    ...(named === 'array' ? convertArray(node, refs, walk) : {}),
    ...(named === 'string' ? convertString(node) : {}),
    ...(named === 'number' || named === 'integer' ? convertNumber(node, named, walk) : {}),
  };
}

function typeOf(type: string | undefined): RestSchema {
  switch (type) {
    case 'string':
      return { type: 'STRING' };
    case 'number':
      return { type: 'NUMBER' };
    case 'integer':
      return { type: 'INTEGER' };
    case 'boolean':
      return { type: 'BOOLEAN' };
    case 'array':
      return { type: 'ARRAY' };
    case 'object':
      return { type: 'OBJECT' };
    case 'null':
      return { type: 'NULL' };
    default:
      return {};
  }
}

function literalType(literals: readonly unknown[]): string {
  const real = literals.filter((value) => value !== null);
  if (real.every((value) => typeof value === 'boolean') && real.length > 0) return 'boolean';
  if (real.every((value) => Number.isInteger(value)) && real.length > 0) return 'integer';
  return real.every((value) => typeof value === 'number') && real.length > 0 ? 'number' : 'string';
}

/**
 * `enum` holds strings here. Numbers written as strings would come back as strings and fail the caller's own schema, so they
 * keep their type and are told in words.
 */
function convertLiterals(
  literals: readonly unknown[],
  type: string | undefined,
  node: Node,
  walk: Walk,
): RestSchema {
  const real = literals.filter((value) => value !== null);
  if (real.length === 0) return {};
  if (type === 'string')
    return { enum: real.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))) };
  walk.note('enum');
  const told = `One of: ${real.map((value) => JSON.stringify(value)).join(', ')}.`;
  const description = asString(node['description']);
  return { description: description === undefined ? told : `${description} ${told}` };
}

function convertObject(node: Node, refs: readonly string[], walk: Walk): RestSchema {
  const properties: Record<string, RestSchema> = {};
  for (const [name, property] of Object.entries(asNode(node['properties'])))
    properties[name] = convert(property, refs, walk);
  const names = Object.keys(properties);
  const required = asArray(node['required']).flatMap((name) =>
    typeof name === 'string' && Object.hasOwn(properties, name) ? [name] : [],
  );
  return {
    ...(names.length === 0 ? {} : { properties }),
    ...(required.length === 0 ? {} : { required }),
    ...count(node, 'minProperties'),
    ...count(node, 'maxProperties'),
  };
}

/** An array must say what it holds. A tuple becomes "any of its members, in any order". */
function convertArray(node: Node, refs: readonly string[], walk: Walk): RestSchema {
  const tuple = [...asArray(node['prefixItems']), ...asArray(node['items'])];
  if (tuple.length > 0) walk.note('prefixItems');
  const single = tuple.length === 1 ? tuple[0] : node['items'];
  const items: RestSchema =
    tuple.length > 1
      ? { anyOf: tuple.map((item) => convert(item, refs, walk)) }
      : isObject(single)
        ? convert(single, refs, walk)
        : { type: 'STRING' };
  return { items, ...count(node, 'minItems'), ...count(node, 'maxItems') };
}

function convertString(node: Node): RestSchema {
  const pattern = asString(node['pattern']);
  return {
    ...count(node, 'minLength'),
    ...count(node, 'maxLength'),
    ...(pattern === undefined ? {} : { pattern }),
  };
}

function convertNumber(node: Node, type: 'number' | 'integer', walk: Walk): RestSchema {
  const step = type === 'integer' ? 1 : 0;
  const above = asNumber(node['exclusiveMinimum']);
  const below = asNumber(node['exclusiveMaximum']);
  if (step === 0 && above !== undefined) walk.note('exclusiveMinimum');
  if (step === 0 && below !== undefined) walk.note('exclusiveMaximum');
  const minimum = asNumber(node['minimum']) ?? (above === undefined ? undefined : above + step);
  const maximum = asNumber(node['maximum']) ?? (below === undefined ? undefined : below - step);
  return { ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) };
}

/** Counts are 64-bit integers, which Google's JSON writes as strings. */
function count<K extends string>(node: Node, key: K): { [P in K]?: string } {
  const counted: { [P in K]?: string } = {};
  const value = asNumber(node[key]);
  if (value !== undefined) counted[key] = String(value);
  return counted;
}

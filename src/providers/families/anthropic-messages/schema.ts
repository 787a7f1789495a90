/** JSON Schemas as Claude takes them: tools need an object at the root, structured output knows only part of JSON Schema. */
import type { Tool } from '@anthropic-ai/sdk/resources/messages';
import { GatewayError } from '../../../core/errors.ts';
import { asArray, asObject, asString, isObject } from '../../../core/json.ts';

type Schema = Readonly<Record<string, unknown>>;
export type ObjectSchema = Tool['input_schema'];

const unions = ['anyOf', 'oneOf', 'allOf'] as const;
/** Deeper than any schema a person writes; below it nothing is rewritten. */
const deepest = 64;

/**
 * A tool's parameters. The root must be an object, named as such; a `$ref` there is followed, and branches, which many models refuse at
 * the root, become one object. The caller's own schema is never changed.
 */
export function toolSchema(parameters: Schema | undefined, dropped: Set<string>): ObjectSchema {
  if (parameters === undefined) return { type: 'object', properties: {} };
  const followed = followRoot(parameters);
  const branched = unions.find((word) => Array.isArray(followed[word]));
  if (branched === undefined) return { ...followed, type: 'object' };
  dropped.add(`tools.input_schema.${branched}`);
  return mergeBranches(followed);
}

/** As `toolSchema`, for the tool that stands in for structured output: what is no object cannot be its input. */
export function answerSchema(schema: Schema, dropped: Set<string>): ObjectSchema {
  const type = followRoot(schema)['type'];
  if (type !== undefined && type !== 'object')
    throw new GatewayError(
      'unsupported',
      `The answer's schema must be an object for this model, but its type is ${JSON.stringify(type)}.`,
      { param: 'response_format' },
    );
  return toolSchema(schema, dropped);
}

function followRoot(schema: Schema): Schema {
  const reference = asString(schema['$ref']);
  const match = reference === undefined ? null : /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference);
  if (match === null) return schema;
  const target = asObject(asObject(schema[match[1] ?? ''])[match[2] ?? '']);
  const { $ref: _reference, ...rest } = schema;
  return { ...rest, ...target };
}

/** `allOf` demands what any branch demands, `anyOf` and `oneOf` only what all branches do. */
function mergeBranches(schema: Schema): ObjectSchema {
  const { anyOf: _any, oneOf: _one, allOf: _all, ...rest } = schema;
  const properties: Record<string, unknown> = { ...asObject(schema['properties']) };
  const required = new Set<unknown>(asArray(schema['required']));
  for (const word of unions) {
    const branches = asArray(schema[word]).map(asObject);
    for (const branch of branches)
      for (const [name, property] of Object.entries(asObject(branch['properties'])))
        properties[name] ??= property;
    const demands = branches.map((branch) => asArray(branch['required']));
    for (const name of demands.flat())
      if (word === 'allOf' || demands.every((names) => names.includes(name))) required.add(name);
  }
  return {
    ...rest,
    type: 'object',
    properties,
    ...(required.size === 0 ? {} : { required: [...required].filter((name) => typeof name === 'string') }),
  };
}

const plainWords = new Set(['$ref', 'type', 'enum', 'const', 'title', 'description', 'required', 'default']);
const formats = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
]);

/**
 * A schema for constrained decoding: objects are closed, and what is not enforced (ranges, lengths, patterns) goes into the
 * description, where the model still reads it. The same split as Anthropic's own SDK makes (`transform-json-schema`, 1.11).
 */
export function strictSchema(schema: Schema, moved: Set<string>, depth = 0): Record<string, unknown> {
  if (depth > deepest) return { ...schema };
  const strict: Record<string, unknown> = {};
  const words: string[] = [];
  const inner = (value: unknown): unknown =>
    isObject(value) ? strictSchema(value, moved, depth + 1) : value;
  for (const [word, value] of Object.entries(schema)) {
    if (word === '$schema' || word === '$id' || word === 'additionalProperties') continue;
    if (plainWords.has(word)) strict[word] = value;
    else if (word === '$defs' || word === 'definitions' || word === 'properties')
      strict[word] = Object.fromEntries(
        Object.entries(asObject(value)).map(([name, one]) => [name, inner(one)]),
      );
    else if (word === 'anyOf' || word === 'oneOf' || word === 'allOf')
      strict[word === 'oneOf' ? 'anyOf' : word] = asArray(value).map(inner);
    else if (word === 'items') strict[word] = inner(value);
    else if (word === 'format' && formats.has(asString(value) ?? '')) strict[word] = value;
    else if (word === 'minItems' && (value === 0 || value === 1)) strict[word] = value;
    else {
      moved.add(word);
      words.push(`${word}: ${JSON.stringify(value)}`);
    }
  }
  if (takesObject(schema)) {
    strict['properties'] ??= {};
    strict['additionalProperties'] = false;
    // Absent means true; only what the caller wrote itself is worth a report.
    const open = schema['additionalProperties'];
    if (open !== undefined && open !== false) moved.add('additionalProperties');
  }
  if (words.length > 0) {
    const description = asString(schema['description']);
    strict['description'] = `${description === undefined ? '' : `${description}\n\n`}{${words.join(', ')}}`;
  }
  return strict;
}

function takesObject(schema: Schema): boolean {
  const { type } = schema;
  return (
    type === 'object' || (Array.isArray(type) && type.includes('object')) || isObject(schema['properties'])
  );
}

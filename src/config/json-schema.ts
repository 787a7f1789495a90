/** The config's JSON Schema, for editors: `# yaml-language-server: $schema=./schema.json`. */
import { z } from 'zod';
import { asObject, isObject } from '../core/json.ts';
import { configSchema, type Registry } from './schema.ts';
import { fileKeyOf, fromFiles } from './schema-walk.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** As the keys are documented. */
export function configJsonSchema(registry: Registry, simulator?: z.ZodType): JsonSchema {
  const schema = z.toJSONSchema(configSchema(registry, simulator), {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ zodSchema, jsonSchema }) => {
      delete jsonSchema['orFile'];
      offerFiles(fromFiles(zodSchema), jsonSchema);
      const { oneOrMore, items, description } = jsonSchema;
      if (oneOrMore !== true || typeof items !== 'object' || Array.isArray(items)) return;
      delete jsonSchema['oneOrMore'];
      delete jsonSchema.items;
      delete jsonSchema.type;
      jsonSchema.anyOf = [items, { type: 'array', items }];
      if (description !== undefined) jsonSchema.description = description;
    },
  });
  return { title: 'Intermodal config', ...schema };
}

/** Beside each key whose value may stand in a file the key that names the file. */
function offerFiles(keys: readonly string[], node: z.core.JSONSchema.BaseSchema): void {
  if (keys.length === 0) return;
  const properties = Object.entries(node.properties ?? {}).flatMap(([key, one]) =>
    keys.includes(key)
      ? [[key, one] as const, [fileKeyOf(key), fileOf(key)] as const]
      : [[key, one] as const],
  );
  node.properties = Object.fromEntries(properties);
  const needed = keys.filter((key) => node.required?.includes(key));
  if (needed.length === 0) return;
  node.required = node.required?.filter((key) => !needed.includes(key)) ?? [];
  node.allOf = needed.map((key) => ({ anyOf: [{ required: [key] }, { required: [fileKeyOf(key)] }] }));
}

function fileOf(key: string): z.core.JSONSchema.BaseSchema {
  return { type: 'string', title: 'path', description: `A file that \`${key}\` is read from, in its place.` };
}

/** As editors check a file: each value may be a variable instead. */
export function editorSchema(schema: JsonSchema): JsonSchema {
  return asObject(allowVariables(schema));
}

const variable = { type: 'string', pattern: '\\$\\{[A-Za-z_]', description: 'An environment variable.' };

/** Keywords whose value is a map of schemas. */
const maps = new Set(['properties', 'patternProperties', '$defs']);
/** Keywords whose value is data, or a schema of keys. */
const opaque = new Set(['enum', 'const', 'default', 'examples', 'required', 'propertyNames', 'type']);

function allowVariables(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(allowVariables);
  if (!isObject(node)) return node;
  const inner = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, opaque.has(key) ? value : inside(key, value)]),
  );
  return isNarrow(inner) ? orVariable(inner) : inner;
}

function inside(key: string, value: unknown): unknown {
  if (!maps.has(key) || !isObject(value)) return allowVariables(value);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, allowVariables(one)]));
}

/** A scalar that a variable's reference would not fit. A `const` tells provider types apart and stays. */
function isNarrow(node: JsonSchema): boolean {
  const { type } = node;
  if (node['const'] !== undefined) return false;
  if (type === 'string') return ['pattern', 'enum', 'format'].some((key) => node[key] !== undefined);
  return type === 'integer' || type === 'number' || type === 'boolean' || Array.isArray(type);
}

function orVariable(node: JsonSchema): JsonSchema {
  const { description, default: fallback, title, ...rest } = node;
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [rest, variable],
  };
}

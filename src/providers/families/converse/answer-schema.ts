/**
 * An answer's JSON Schema as Bedrock's structured output takes it: every object must say `additionalProperties: false`. Walks schema
 * positions, never property names; the caller's schema is not changed.
 */
import { isObject } from '../../../core/json.ts';

type Schema = Readonly<Record<string, unknown>>;

/** Deeper than any schema a person writes; below it nothing is rewritten. */
const deepest = 64;

export function closeObjects(schema: Schema, depth = 0): Schema {
  if (depth > deepest) return schema;
  const closed: Record<string, unknown> = {};
  for (const [word, value] of Object.entries(schema)) closed[word] = closeWord(word, value, depth + 1);
  const type = schema['type'];
  const isObjectSchema =
    type === 'object' || (Array.isArray(type) && type.includes('object')) || isObject(schema['properties']);
  if (isObjectSchema && !isObject(schema['additionalProperties'])) closed['additionalProperties'] = false;
  return closed;
}

/** What holds a schema, lists of them, or maps of them. Everything else is data. */
function closeWord(word: string, value: unknown, depth: number): unknown {
  switch (word) {
    case 'items':
    case 'additionalProperties':
      return isObject(value) ? closeObjects(value, depth) : value;
    case 'anyOf':
    case 'oneOf':
    case 'allOf':
    case 'prefixItems':
      return Array.isArray(value)
        ? value.map((one: unknown) => (isObject(one) ? closeObjects(one, depth) : one))
        : value;
    case 'properties':
    case '$defs':
    case 'definitions':
      return isObject(value)
        ? Object.fromEntries(
            Object.entries(value).map(([name, one]) => [
              name,
              isObject(one) ? closeObjects(one, depth) : one,
            ]),
          )
        : value;
    default:
      return value;
  }
}

/** A value that satisfies a JSON Schema, deterministic from a number. Covers what people put into tool and output schemas. */
import { asArray, asNumber, asString, isObject } from '../core/json.ts';

const deepest = 8;

export function sampleSchema(schema: unknown, seed: number): unknown {
  return sample(schema, schema, seed, 0);
}

function sample(schema: unknown, root: unknown, seed: number, depth: number): unknown {
  if (!isObject(schema) || depth > deepest) return schema === false ? undefined : {};
  if (schema['const'] !== undefined) return schema['const'];
  const choices = asArray(schema['enum']);
  if (choices.length > 0) return choices[seed % choices.length];
  const reference = asString(schema['$ref']);
  if (reference !== undefined) return sample(follow(root, reference), root, seed, depth + 1);
  const options = asArray(schema['anyOf'] ?? schema['oneOf']);
  if (options.length > 0)
    return sample(
      options.find((option) => !isObject(option) || option['type'] !== 'null') ?? options[0],
      root,
      seed,
      depth + 1,
    );
  const all = asArray(schema['allOf']).filter(isObject);
  if (all.length > 0) return Object.assign({}, ...all.map((one) => sample(one, root, seed, depth + 1)));
  return sampleType(schema, root, seed, depth);
}

function follow(root: unknown, reference: string): unknown {
  let found: unknown = root;
  for (const part of reference.replace(/^#\/?/, '').split('/')) {
    if (part === '') continue;
    found = isObject(found) ? found[part.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  }
  return found;
}

function sampleType(
  schema: Readonly<Record<string, unknown>>,
  root: unknown,
  seed: number,
  depth: number,
): unknown {
  const declared = schema['type'];
  const type =
    asString(declared) ??
    asArray(declared).find((one) => one !== 'null') ??
    (isObject(schema['properties']) ? 'object' : 'string');
  switch (String(type).toLowerCase()) {
    case 'object': {
      const properties = isObject(schema['properties']) ? schema['properties'] : {};
      const required = asArray(schema['required']).map(String);
      // Optional ones are left out below the top, so that recursive schemas end.
      const names = Object.keys(properties).filter((name) => depth < 2 || required.includes(name));
      return Object.fromEntries(
        names.map((name, index) => [name, sample(properties[name], root, seed + index, depth + 1)]),
      );
    }
    case 'array': {
      const length = Math.max(asNumber(schema['minItems']) ?? 1, depth < 3 ? 1 : 0);
      const prefix = asArray(schema['prefixItems']);
      return Array.from({ length: Math.min(length, 100) }, (_, index) =>
        sample(prefix[index] ?? schema['items'], root, seed + index, depth + 1),
      );
    }
    case 'integer':
      return sampleNumber(schema, seed, true);
    case 'number':
      return sampleNumber(schema, seed, false);
    case 'boolean':
      return seed % 2 === 0;
    case 'null':
      return null;
    default:
      return sampleString(schema, seed);
  }
}

function sampleNumber(schema: Readonly<Record<string, unknown>>, seed: number, whole: boolean): number {
  const step = whole ? 1 : 0.5;
  const least =
    asNumber(schema['minimum']) ??
    (asNumber(schema['exclusiveMinimum']) === undefined
      ? undefined
      : (asNumber(schema['exclusiveMinimum']) ?? 0) + step);
  const most =
    asNumber(schema['maximum']) ??
    (asNumber(schema['exclusiveMaximum']) === undefined
      ? undefined
      : (asNumber(schema['exclusiveMaximum']) ?? 0) - step);
  const base = least ?? Math.min(1, most ?? 1);
  const room = most === undefined ? 10 : Math.max(0, most - base);
  const value = base + (seed % (Math.floor(room) + 1));
  const multiple = asNumber(schema['multipleOf']);
  const stepped = multiple === undefined ? value : Math.ceil(base / multiple) * multiple;
  return whole ? Math.ceil(stepped) : stepped;
}

const formats: Readonly<Record<string, string>> = {
  'date-time': '2026-11-20T12:00:00Z',
  date: '2026-11-20',
  time: '12:00:00Z',
  email: 'person@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  uuid: '7c0f1f9e-6a5b-4c3d-8e2f-1a0b9c8d7e6f',
  ipv4: '192.0.2.1',
  hostname: 'example.com',
};

function sampleString(schema: Readonly<Record<string, unknown>>, seed: number): string {
  const format = formats[asString(schema['format']) ?? ''];
  if (format !== undefined) return format;
  const names = ['Berlin', 'blue', 'order 7', 'yes', 'urgent', 'north'];
  const text = names[seed % names.length] ?? 'text';
  const least = asNumber(schema['minLength']) ?? 0;
  return text.padEnd(least, 'x').slice(0, asNumber(schema['maxLength']) ?? undefined);
}

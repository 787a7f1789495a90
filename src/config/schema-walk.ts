/** Walks the schema as a value goes, choosing among provider types by `type`: which keys, which types may stand at a place. */
import { z } from 'zod';
import type { Path } from './problem.ts';

/** The keys that a mapping may have at a path. */
export function keysAt(schema: z.ZodType, raw: unknown, path: Path): readonly string[] {
  const found = schemaAt(schema, raw, path, false);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The types to choose from at a path; empty if there is no such choice. */
export function unionAt(schema: z.ZodType, raw: unknown, path: Path): readonly string[] {
  const found = schemaAt(schema, raw, path, true);
  if (!(found instanceof z.ZodDiscriminatedUnion)) return [];
  return found.options.flatMap((option) =>
    option instanceof z.ZodObject ? [...literal(option.shape['type'])] : [],
  );
}

function schemaAt(schema: z.ZodType, raw: unknown, path: Path, keepUnion: boolean): unknown {
  let current: unknown = unwrap(schema);
  let value = raw;
  for (const part of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined;
    if (current instanceof z.ZodObject) current = unwrap(current.shape[String(part)]);
    else if (current instanceof z.ZodRecord) current = unwrap(current.valueType);
    else if (current instanceof z.ZodArray) current = unwrap(current.element);
    else return undefined;
    if (current instanceof z.ZodDiscriminatedUnion && !keepUnion) {
      const type = typeof value === 'object' && value !== null && 'type' in value ? String(value.type) : '';
      current = current.options.find(
        (option) => option instanceof z.ZodObject && literal(option.shape['type']).includes(type),
      );
    }
  }
  return current;
}

function literal(schema: unknown): readonly string[] {
  return schema instanceof z.ZodLiteral ? [...schema.values].map(String) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap());
  if (schema instanceof z.ZodPipe) return unwrap(schema.out);
  return schema;
}

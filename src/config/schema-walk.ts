/** Walks the schema as a value goes, choosing among provider types by `type`: which keys, which types may stand at a place. */
import { z } from 'zod';
import { isOrFile } from '../core/or-file.ts';
import type { Path } from './problem.ts';

/** The key that names a file in place of a key's value. */
export const fileKeyOf = (key: string): string => `${key}_file`;

/** The keys that a mapping may have at a path. */
export function keysAt(schema: z.ZodType, raw: unknown, path: Path): readonly string[] {
  const found = schemaAt(schema, raw, path, false);
  if (!(found instanceof z.ZodObject)) return [];
  return [...Object.keys(found.shape), ...fromFiles(found).map(fileKeyOf)];
}

/** The keys of a mapping whose values may be read from files. One that has a `KEY_file` of its own keeps that. */
export function fromFiles(schema: unknown): readonly string[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.keys(schema.shape).filter(
    (key) => isMarked(schema.shape[key]) && schema.shape[fileKeyOf(key)] === undefined,
  );
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
    current = within(current, part);
    const type = typeof value === 'object' && value !== null && 'type' in value ? String(value.type) : '';
    if (!keepUnion) current = ofType(current, type);
  }
  return current;
}

/** What stands under a key, or at a place of a list; a choice of types is still open. */
export function within(schema: unknown, part: string | number): unknown {
  if (schema instanceof z.ZodObject) return unwrap(schema.shape[String(part)]);
  if (schema instanceof z.ZodRecord) return unwrap(schema.valueType);
  return schema instanceof z.ZodArray ? unwrap(schema.element) : undefined;
}

/** Of a choice of types the one that is meant; any other schema as it is. */
export function ofType(schema: unknown, type: string): unknown {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  return schema.options.find(
    (option) => option instanceof z.ZodObject && literal(option.shape['type']).includes(type),
  );
}

function literal(schema: unknown): readonly string[] {
  return schema instanceof z.ZodLiteral ? [...schema.values].map(String) : [];
}

export function unwrap(schema: unknown): unknown {
  const inner = innerOf(schema);
  return inner === undefined ? schema : unwrap(inner);
}

function isMarked(schema: unknown): boolean {
  if (schema instanceof z.ZodType && isOrFile(schema)) return true;
  const inner = innerOf(schema);
  return inner !== undefined && isMarked(inner);
}

function innerOf(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return schema.unwrap();
  return schema instanceof z.ZodPipe ? schema.out : undefined;
}

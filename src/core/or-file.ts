/**
 * Marks a setting that may stand in a file of its own: beside `KEY: value` a config may then say `KEY_file: /run/secrets/name`. A schema marks
 * its secrets where it declares them, so that nobody keeps a list of their names.
 */
import type { z } from 'zod';

export function orFile<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ orFile: true });
}

/** Of the marked schema itself; what is wrapped around it (`optional`, `default`) is not marked. */
export function isOrFile(schema: z.ZodType): boolean {
  return schema.meta()?.['orFile'] === true;
}

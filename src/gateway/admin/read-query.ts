/** The query of an admin endpoint. */
import type { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';

/** Throws `invalid_request`, naming the first parameter that is wrong. */
export function readQuery<T>(schema: z.ZodType<T>, asked: Readonly<Record<string, string>>): T {
  const parsed = schema.safeParse(asked);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = issue?.path.join('.') ?? '';
  throw new GatewayError(
    'invalid_request',
    `${param === '' ? 'The query' : param}: ${issue?.message ?? 'not readable'}.`,
    { param },
  );
}

/** The response cache of a route, as a user writes it. */
import { z } from 'zod';
import type { ResponseCachePolicy } from '../../router/contract.ts';
import { age } from '../units.ts';

export const responseCache = z
  .strictObject({
    for: age.describe('How old an answer may be to be given again.'),
    scope: z
      .enum(['key', 'team', 'all'])
      .default('key')
      .describe(
        'Who may get an answer that another’s request made: the same key, the same team, or anybody.',
      ),
  })
  .optional()
  .describe('Answers the very same request again without asking a model. Absent: off.');

export function makeResponseCache(written: NonNullable<z.output<typeof responseCache>>): ResponseCachePolicy {
  return { forMs: written.for, scope: written.scope };
}

import { z } from 'zod';
import { orFile } from '../../core/or-file.ts';
import { baseUrlSchema } from '../families/base-url.ts';

export const settings = z.strictObject({
  api_key: orFile(z.string().min(1)).optional().describe('Left out: the variable ANTHROPIC_API_KEY.'),
  auth_token: orFile(z.string().min(1))
    .optional()
    .describe('An OAuth token, sent as Authorization: Bearer instead of a key.'),
  base_url: baseUrlSchema.default('https://api.anthropic.com').describe('Where the API is, without /v1.'),
  version: z
    .string()
    .default('2023-06-01')
    .describe('Sent as anthropic-version where the caller names none.'),
});

export type Settings = z.infer<typeof settings>;

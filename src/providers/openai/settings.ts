import { z } from 'zod';
import { orFile } from '../../core/or-file.ts';
import { baseUrlSchema } from '../families/base-url.ts';

export const settings = z.strictObject({
  api_key: orFile(z.string().min(1)).optional().describe('Left out: the variable OPENAI_API_KEY.'),
  base_url: baseUrlSchema.default('https://api.openai.com/v1').describe('Where the API is, `/v1` included.'),
  organization: z.string().min(1).optional().describe('Sent as OpenAI-Organization.'),
  project: z.string().min(1).optional().describe('Sent as OpenAI-Project.'),
});

export type Settings = z.infer<typeof settings>;

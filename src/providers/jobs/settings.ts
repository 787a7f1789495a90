import { z } from 'zod';
import { orFile } from '../../core/or-file.ts';
import { baseUrlSchema } from '../families/base-url.ts';

const path = z.string().regex(/^\/[^?#\s]*$/, { error: 'must be a path that begins with /' });

export const settings = z.strictObject({
  base_url: baseUrlSchema.describe('Where the API is, `/v1` included, such as https://jobs.example.com/v1.'),
  api_key: orFile(z.string().min(1)).optional().describe('Left out: the variable JOBS_API_KEY.'),
  paths: z
    .strictObject({
      validate: path.default('/auth/validate').describe('Answers 401 for a key that is no good.'),
      submit: path.default('/batch/jobs'),
      poll: path
        // Not `includes`, which JSON Schema has no word for.
        .regex(/\{id\}/, { error: 'must have {id} in the place of the job’s id' })
        .default('/batch/jobs/{id}'),
    })
    .prefault({})
    .describe('Where its calls are, below base_url.'),
  most_items: z.int().min(1).max(100_000).default(5000).describe('Items that one job may have.'),
  task: z.string().min(1).max(200).optional().describe('Sent as `task` with every item.'),
  webhook: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/ })
        .describe(
          'Sent with every job, for the provider to call at its end: https://YOUR-GATEWAY/v1/batch/webhooks/NAME, by the name of this provider.',
        ),
      secret: orFile(z.string().min(1)).optional().describe('What the provider signs such a call with.'),
      signature_header: z
        .string()
        .regex(/^[A-Za-z0-9-]+$/)
        .default('X-Holysheep-Signature')
        .describe('Where the signature is, in hexadecimal digits.'),
    })
    .optional()
    .describe('How the provider may say that a job is done. Jobs are asked for all the same.'),
});

export type Settings = z.infer<typeof settings>;

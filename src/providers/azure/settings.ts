import { z } from 'zod';
import { orFile } from '../../core/or-file.ts';
import { baseUrlSchema } from '../families/base-url.ts';

export const settings = z.strictObject({
  endpoint: baseUrlSchema
    .optional()
    .describe(
      'The resource, such as https://acme.openai.azure.com. Left out: the variable AZURE_OPENAI_ENDPOINT.',
    ),
  base_url: baseUrlSchema
    .optional()
    .describe('The same as endpoint, under the name that other providers use.'),
  api_key: orFile(z.string().min(1))
    .optional()
    .describe('Left out: the variable AZURE_OPENAI_API_KEY. Not used with entra.'),
  entra: z
    .strictObject({
      scope: z.string().default('https://cognitiveservices.azure.com/.default'),
      token: orFile(z.string().min(1))
        .optional()
        .describe('A fixed token, for tests; left out: the default Azure credential chain.'),
    })
    .optional()
    .describe('Authenticate with Microsoft Entra instead of a key.'),
  api_version: z
    .string()
    .default('v1')
    .describe(
      '`v1` uses /openai/v1; a date such as 2024-10-21 uses /openai/deployments/NAME with api-version.',
    ),
  deployments: z
    .record(z.string(), z.string().min(1))
    .optional()
    .describe('Model name to deployment name, where they differ.'),
  batch: z
    .strictObject({
      deployments: z
        .record(z.string(), z.string().min(1))
        .optional()
        .describe('Model name to the deployment of a batch kind, where it is not the one of sync calls.'),
      embeddings: z
        .boolean()
        .default(false)
        .describe('Whether embeddings may go in batches; Azure documents it for chat alone.'),
      bare_paths: z
        .boolean()
        .default(false)
        .describe(
          'Lines name /chat/completions instead of /v1/chat/completions, as older resources want it.',
        ),
    })
    .optional()
    .describe('How batches are sent.'),
});

export type Settings = z.infer<typeof settings>;

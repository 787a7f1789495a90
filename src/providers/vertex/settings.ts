import { z } from 'zod';
import { orFile } from '../../core/or-file.ts';
import { baseUrlSchema } from '../families/base-url.ts';

function isPathOrJson(text: string): boolean {
  if (!text.trimStart().startsWith('{')) return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const batch = z
  .strictObject({
    gcs: z
      .string()
      .regex(/^gs:\/\/[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:\/[^?#*[\]\r\n]*)?$/, {
        error:
          'must be a bucket of Cloud Storage, with a folder or without, such as gs://acme-batch/intermodal',
      })
      .optional()
      .describe(
        'Bucket of Cloud Storage, in the location of the jobs, such as `gs://acme-batch/intermodal`.',
      ),
    bigquery: z
      .string()
      .regex(/^bq:\/\/[a-z][a-z0-9.:-]*\.[A-Za-z0-9_]+$/, {
        error: 'must be a dataset of BigQuery such as bq://acme.batch',
      })
      .optional()
      .describe('Dataset of BigQuery, in the location of the jobs, such as `bq://acme.batch`.'),
    base_url: baseUrlSchema
      .optional()
      .describe(
        'Where Cloud Storage or BigQuery is. Left out: Google’s address, or the `base_url` of the provider where that is an http address.',
      ),
  })
  .refine(({ gcs, bigquery }) => (gcs === undefined) !== (bigquery === undefined), {
    error:
      'must name one place for lines and results: gcs (gs://bucket/folder) or bigquery (bq://project.dataset)',
  });

export type BatchSettings = z.infer<typeof batch>;

export const settings = z
  .strictObject({
    project: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Google Cloud project. Left out: the variable GOOGLE_CLOUD_PROJECT, else the service account’s own.',
      ),
    location: z
      .string()
      .regex(/^[a-z0-9-]+$/, { error: 'must be a location such as us-central1 or global' })
      .default('us-central1')
      .describe('Region, such as us-central1; `us`, `eu` and `global` are served where Google has room.'),
    credentials: orFile(
      z.union([
        z.string().min(1).refine(isPathOrJson, {
          error: 'begins like JSON, but is none; give the whole text of the file, or its path',
        }),
        z.looseObject({ type: z.string() }),
      ]),
    )
      .optional()
      .describe(
        'Service account: a path to its JSON file, or the JSON itself. Left out: Application Default Credentials.',
      ),
    api_key: orFile(z.string().min(1))
      .optional()
      .describe('A key of Vertex AI in express mode, which needs no project; instead of credentials.'),
    access_token: orFile(z.string().min(1))
      .optional()
      .describe('A fixed OAuth token, for tests and short jobs; instead of credentials.'),
    base_url: baseUrlSchema
      .optional()
      .describe(
        'Where the API is, without /v1. Left out: Google’s address for the location. At an http address calls go without authentication unless a credential is set here.',
      ),
    batch: batch
      .optional()
      .describe(
        'Where batch jobs read their lines and write their results; without it no job is made. Not with api_key. Claude takes no Cloud Storage in the location global.',
      ),
  })
  .refine(({ api_key: key, batch }) => key === undefined || batch === undefined, {
    path: ['batch'],
    error: 'takes no api_key: jobs and their files need an account; give credentials or access_token instead',
  });

export type Settings = z.infer<typeof settings>;

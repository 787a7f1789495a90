/** Every batch API, the narrower ones first: the first that claims a request serves it. */
import { anthropicBatches } from './anthropic.ts';
import { bigquery } from './bigquery.ts';
import type { BatchApi } from './contract.ts';
import { gcs } from './gcs.ts';
import { resellerJobs } from './jobs.ts';
import { azureBatches, openaiBatches } from './openai.ts';
import { vertex } from './vertex.ts';

export const batchApis: readonly BatchApi[] = [
  vertex,
  gcs,
  bigquery,
  anthropicBatches,
  azureBatches,
  openaiBatches,
  resellerJobs,
];

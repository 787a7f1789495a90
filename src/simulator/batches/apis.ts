/** Every batch API, the narrower ones first: the first that claims a request serves it. */
import { anthropicBatches } from './anthropic.ts';
import { bedrockBatches } from './bedrock.ts';
import { bigquery } from './bigquery.ts';
import type { BatchApi } from './contract.ts';
import { gcs } from './gcs.ts';
import { resellerJobs } from './jobs.ts';
import { azureBatches, openaiBatches } from './openai.ts';
import { s3 } from './s3.ts';
import { vertex } from './vertex.ts';

export const batchApis: readonly BatchApi[] = [
  s3,
  bedrockBatches,
  vertex,
  gcs,
  bigquery,
  anthropicBatches,
  azureBatches,
  openaiBatches,
  resellerJobs,
];

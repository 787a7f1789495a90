/** Every batch API, the narrower ones first: the first that claims a request serves it. */
import { anthropicBatches } from './anthropic.ts';
import type { BatchApi } from './contract.ts';
import { resellerJobs } from './jobs.ts';
import { azureBatches, openaiBatches } from './openai.ts';

export const batchApis: readonly BatchApi[] = [anthropicBatches, azureBatches, openaiBatches, resellerJobs];

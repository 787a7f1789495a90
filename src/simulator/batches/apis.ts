/** Every batch API, the narrower ones first: the first that claims a request serves it. */
import { bedrockBatches } from './bedrock.ts';
import type { BatchApi } from './contract.ts';
import { azureBatches, openaiBatches } from './openai.ts';
import { s3 } from './s3.ts';

export const batchApis: readonly BatchApi[] = [s3, bedrockBatches, azureBatches, openaiBatches];

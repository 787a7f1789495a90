/** Every batch API, the narrower ones first: the first that claims a request serves it. */
import type { BatchApi } from './contract.ts';

export const batchApis: readonly BatchApi[] = [];

/** What settled items have cost, added up for the row of their batch, and for that of the submission that they were in. */
import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import type { SettledSums } from './contract.ts';
import type { BatchSums } from './counters.ts';

const none = {
  cost_nano_usd: 0,
  list_nano_usd: 0,
  input_tokens: 0,
  cache_read_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  repaired: 0,
} satisfies BatchSums;

/** `repaired`: of those that need no mending nothing is said. */
export function sumOf(
  all: Iterable<Omit<SettledSums, 'repaired'> & Partial<Pick<SettledSums, 'repaired'>>>,
): typeof none {
  const sums = { ...none };
  for (const one of all) {
    sums.cost_nano_usd += one.costNanoUsd;
    sums.list_nano_usd += one.listNanoUsd;
    sums.input_tokens += one.inputTokens;
    sums.cache_read_tokens += one.cacheReadTokens;
    sums.output_tokens += one.outputTokens;
    sums.reasoning_tokens += one.reasoningTokens;
    sums.repaired += one.repaired ?? 0;
  }
  return sums;
}

export async function addCost(
  transaction: Kysely<Database>,
  submission: string,
  costNanoUsd: number,
): Promise<void> {
  if (costNanoUsd === 0) return;
  await transaction
    .updateTable('intermodal_submission')
    .set((row) => ({ cost_nano_usd: row('cost_nano_usd', '+', costNanoUsd) }))
    .where('id', '=', submission)
    .execute();
}

/** What calls have cost together. */
import type { AttemptRecord } from '../../router/contract.ts';

export function sumOf(tried: readonly AttemptRecord[]): { costNanoUsd: number; listNanoUsd: number } {
  let costNanoUsd = 0;
  let listNanoUsd = 0;
  for (const { spent } of tried) {
    costNanoUsd += spent?.costNanoUsd ?? 0;
    listNanoUsd += spent?.listNanoUsd ?? 0;
  }
  return { costNanoUsd, listNanoUsd };
}

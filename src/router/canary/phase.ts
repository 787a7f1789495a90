/** Where a canary stands at a time: a pure function of what it is to go through and of what has been written down of it. */
import type { Canary, CanaryState } from './contract.ts';

/** What is kept of one canary, beyond restarts and for every replica. */
export interface CanaryRecord {
  /** Of the canary that it is about. */
  readonly id: string;
  readonly startedAtMs: number;
  readonly rolledBack?: { readonly why: string; readonly atMs: number };
  /** By hand: it takes all from then on. */
  readonly promotedAtMs?: number;
}

export function stateAt({ phases }: Canary, record: CanaryRecord, nowMs: number): CanaryState {
  if (record.rolledBack !== undefined) return { kind: 'rolled-back', ...record.rolledBack };
  if (record.promotedAtMs !== undefined) return { kind: 'done', share: 1 };
  // Another machine's clock may be ahead of ours.
  let rest = Math.max(0, nowMs - record.startedAtMs);
  for (const [phase, { share, forMs }] of phases.entries()) {
    if (rest < forMs) return { kind: 'running', phase, share };
    rest -= forMs;
  }
  return { kind: 'done', share: phases.at(-1)?.share ?? 0 };
}

export function shareOf(state: CanaryState): number {
  return state.kind === 'rolled-back' ? 0 : state.share;
}

/** A canary: a new chain gets a growing share of a route's requests, as long as it does not do worse than the usual one. */
import type { Step } from '../chain/contract.ts';

export interface CanaryPhase {
  /** Of requests; 1 in the last phase if it is to take all. */
  readonly share: number;
  readonly forMs: number;
}

/** Each absent: not looked at. All are of the canary within the window, beside the usual chain in the same window. */
export interface CanaryGates {
  /** Most failed requests over those of the usual chain, as a share of all. */
  readonly errorRate?: number;
  /** Most times the usual 95th percentile of the duration. */
  readonly p95?: number;
  /** Most times the usual cost of a request. */
  readonly cost?: number;
  /** Least share of compared answers that agree. */
  readonly agreement?: number;
  /** Requests of the canary before any gate is looked at. */
  readonly least: number;
  readonly windowMs: number;
}

export interface Canary {
  /** Changes with what is tried: a changed canary begins anew. */
  readonly id: string;
  readonly chain: readonly Step[];
  /** What keeps a caller on one side: its key, the user it names (`user`, `metadata.user_id`), or nothing. */
  readonly by: 'key' | 'user' | 'request';
  readonly phases: readonly CanaryPhase[];
  readonly gates: CanaryGates;
}

export type CanaryState =
  | { readonly kind: 'running'; readonly phase: number; readonly share: number }
  | { readonly kind: 'rolled-back'; readonly why: string; readonly atMs: number }
  /** Through its last phase, whose share stays, or promoted by hand: then it takes all. Its gates are no longer looked at. */
  | { readonly kind: 'done'; readonly share: number };

export type Arm = 'canary' | 'usual';

export const gateNames = ['error_rate', 'p95', 'cost', 'agreement'] as const;
export type GateName = (typeof gateNames)[number];

/** Who hears of canaries. */
export interface CanaryEvents {
  /** Another phase, the end, a rollback. `gate`: this process rolled it back, for this; absent: another did, or somebody by hand. */
  changed(route: string, state: CanaryState, gate: GateName | undefined): void;
  trouble(error: unknown, route: string): void;
}

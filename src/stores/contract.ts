/**
 * What the gateway keeps beyond its own life: the ledger, the keys, and the marks by which budgets survive a crash. One
 * implementation on SQLite, one on Postgres, through one query path; the suite in `stores.test.ts` runs over both.
 *
 * Money is whole nano-dollars, times are milliseconds since 1970. Every write may be repeated without harm: a
 * caller that does not know whether its write arrived sends it again.
 */
import type { Mode } from '../core/target.ts';
import type { BatchStores } from './batch/contract.ts';
import type { QueueRows } from './queue/contract.ts';
import type { LabelStore, NoteStore } from './routing/contract.ts';

/** One attempt, or what one job of a provider's batch API came to. */
export interface LedgerEntry {
  /** Unique; an entry appended twice is kept once. The later one wins, unless its outcome is `unknown`. */
  readonly id: string;
  readonly requestId: string;
  /** When the attempt ended. */
  readonly atMs: number;
  /** Name of the caller's key; absent where none is asked for. */
  readonly key?: string;
  readonly team?: string;
  readonly route: string;
  readonly provider: string;
  readonly model: string;
  readonly mode: Mode;
  /** `unknown`: the process died while the attempt ran, and its cost is the most that it can have been. */
  readonly outcome: 'served' | 'failed' | 'cut' | 'client-closed' | 'unknown';
  /** Why it failed: a code of `core/errors.ts`. */
  readonly code?: string;
  readonly stream: boolean;
  readonly tags: readonly string[];
  /** All input, cached reads and writes included; absent where the provider did not say. */
  readonly inputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  /** All output, reasoning included. */
  readonly outputTokens?: number;
  readonly reasoningTokens?: number;
  /** What it cost. */
  readonly costNanoUsd: number;
  /** What the same tokens cost by a sync call at list price. Saved is this less the cost. */
  readonly listNanoUsd: number;
  /** False where the provider did not say what was used: the cost is then our estimate. */
  readonly exact: boolean;
  readonly durationMs: number;
  /** How many requests of a batch the entry stands for; absent: one. */
  readonly items?: number;
  /** What the input was estimated to be before anything was learnt, so that forecasts may learn how far off that is. */
  readonly roughInputTokens?: number;
}

/** What a sum is over; all that is present must hold. */
export interface SpendFilter {
  readonly key?: string;
  readonly team?: string;
  readonly route?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly tag?: string;
  /** Inclusive. */
  readonly fromMs?: number;
  /** Exclusive. */
  readonly toMs?: number;
}

export const spendGroups = ['key', 'team', 'route', 'provider', 'model', 'mode', 'outcome', 'day'] as const;
/** `day` is the day in UTC, such as `2026-11-21`. */
export type SpendGroup = (typeof spendGroups)[number];

export interface SpendRow {
  /** One value for each group asked for, in order; null where an entry has none. */
  readonly group: readonly (string | null)[];
  /** Requests of batches count one by one. */
  readonly attempts: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
  /** The part of the cost that is estimated. */
  readonly estimatedNanoUsd: number;
}

/** What answers have used so far; only entries whose provider said so. */
export interface UsageRow {
  readonly route: string;
  readonly provider: string;
  readonly model: string;
  /** Requests of batches count one by one. */
  readonly answers: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  /** The estimate of those entries that have one, and what their input came to. */
  readonly roughInputTokens: number;
  readonly inputOfRoughTokens: number;
}

export interface Ledger {
  /** All or none, durable when it resolves. Thousands at once are usual. */
  append(entries: readonly LedgerEntry[]): Promise<void>;
  /** Grouped sums, dearest first; at most `limit` rows. No groups: one row of all. */
  spend(filter: SpendFilter, groups: readonly SpendGroup[], limit?: number): Promise<readonly SpendRow[]>;
  /** By route, provider and model, in their order: what a forecast learns from. */
  usage(filter: SpendFilter): Promise<readonly UsageRow[]>;
  /** Newest first. */
  list(filter: SpendFilter, limit: number): Promise<readonly LedgerEntry[]>;
  /** Deletes what ended before; returns how many. */
  prune(beforeMs: number): Promise<number>;
}

/** Of one key; each absent where the key has no such limit. */
export interface KeyLimits {
  readonly requestsPerMinute?: number;
  readonly requestsPerDay?: number;
  readonly inputTokensPerMinute?: number;
  readonly outputTokensPerMinute?: number;
  readonly concurrent?: number;
}

export interface KeyBudgets {
  readonly dailyNanoUsd?: number;
  readonly weeklyNanoUsd?: number;
  readonly monthlyNanoUsd?: number;
}

export interface KeyRecord {
  /** Public part of the key, by which it is found and revoked. */
  readonly id: string;
  /** Unique among the keys that are not revoked. */
  readonly name: string;
  /** SHA-256 of the whole key, base64url. The key itself is kept nowhere. */
  readonly hash: string;
  readonly team?: string;
  /** May use the admin endpoints, and nothing else. */
  readonly admin: boolean;
  /** Patterns of routes that it may use; absent: all. */
  readonly routes?: readonly string[];
  readonly limits: KeyLimits;
  readonly budgets: KeyBudgets;
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
  readonly revokedAtMs?: number;
}

export interface KeyStore {
  /** False where a live key has that name already. */
  create(key: KeyRecord): Promise<boolean>;
  /** Revoked and expired ones too, oldest first. */
  list(): Promise<readonly KeyRecord[]>;
  /** By id or by the name of a live key. False where there is none. */
  revoke(idOrName: string, atMs: number): Promise<boolean>;
  /** Grows with every change, in whatever process it was made; cheap to ask several times a second. */
  version(): Promise<number>;
}

/** How far a budget may have been used by now, at most: written before it is, read after a crash. */
export interface Mark {
  /** Budget and window, such as `key:search/day/2026-11-21`. */
  readonly name: string;
  readonly nanoUsd: number;
  /** The mark means nothing after this. */
  readonly expiresAtMs: number;
}

export interface MarkStore {
  /** Durable when it resolves. */
  write(marks: readonly Mark[]): Promise<void>;
  /** Those that have not expired. */
  read(nowMs: number): Promise<readonly Mark[]>;
}

/**
 * Bytes by name, on disk or in S3: inputs, segments of answers, outputs. A blob is written once, whole, and never changed; who has it may read any
 * range. Keys are ours: lower-case letters, digits, `-`, `_`, `.` and `/`.
 */
export interface Blobs {
  /** Durable when it resolves, and not there before. Replaces a blob of the same name. Rejects with what `parts` throws, leaving nothing. */
  write(key: string, parts: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number }>;
  /** From `start` to before `end`, in parts of at most 1 MB. Throws `StoreError` where there is no such blob. */
  read(key: string, start?: number, end?: number): AsyncIterable<Uint8Array>;
  remove(key: string): Promise<void>;
  /** The file that a blob is, where it is one on this machine; for reading here and there without a round trip each. */
  localPath?(key: string): string;
  /** The address without its secrets, for messages. */
  readonly shown: string;
}

export interface Stores {
  readonly ledger: Ledger;
  readonly keys: KeyStore;
  readonly marks: MarkStore;
  readonly batch: BatchStores;
  readonly labels: LabelStore;
  readonly notes: NoteStore;
  /** Rejects where the store does not answer. */
  answers(): Promise<void>;
  readonly queue: QueueRows;
  close(): Promise<void>;
}

/**
 * The tables, as both kinds of store have them. Their names carry a prefix since a Postgres database may be shared.
 *
 * Text, whole numbers and bytes alone, so that both kinds read and write the same: flags are 0 and 1, lists are JSON.
 */
import type { Kysely } from 'kysely';
import type { BatchDatabase } from './batch/tables.ts';
import type { KeyRecord, LedgerEntry, Mark } from './contract.ts';
import type { Differences } from './differences.ts';
import type { QueueDatabase } from './queue/tables.ts';
import type { RoutingDatabase } from './routing/tables.ts';

export interface LedgerTable {
  id: string;
  request_id: string;
  at_ms: number;
  key_name: string | null;
  team: string | null;
  route: string;
  provider: string;
  model: string;
  mode: LedgerEntry['mode'];
  outcome: LedgerEntry['outcome'];
  code: string | null;
  stream: number;
  /** A JSON list; null where there is none, as is usual. */
  tags: string | null;
  input_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_tokens: number | null;
  output_tokens: number | null;
  reasoning_tokens: number | null;
  cost_nano_usd: number;
  list_nano_usd: number;
  exact: number;
  duration_ms: number;
  /** Null where it is one. */
  items: number | null;
  rough_input_tokens: number | null;
}

export interface KeyTable {
  id: KeyRecord['id'];
  name: KeyRecord['name'];
  hash: KeyRecord['hash'];
  team: string | null;
  admin: number;
  /** A JSON list; null for all routes. */
  routes: string | null;
  /** JSON, as `KeyLimits` and `KeyBudgets` are. */
  limits: string;
  budgets: string;
  created_at_ms: number;
  expires_at_ms: number | null;
  revoked_at_ms: number | null;
}

export interface MarkTable {
  name: Mark['name'];
  nano_usd: number;
  expires_at_ms: number;
}

export interface Database extends BatchDatabase, RoutingDatabase, QueueDatabase {
  intermodal_ledger: LedgerTable;
  intermodal_key: KeyTable;
  /** One row, which every change of a key counts up. */
  intermodal_key_version: { version: number };
  intermodal_mark: MarkTable;
}

/** An open store of either kind, before it is known whether its tables are there. */
export interface Connection {
  readonly database: Kysely<Database>;
  readonly differences: Differences;
  /** The address without its secrets, for messages. */
  readonly shown: string;
  /** Rejects where the store does not answer. */
  answers(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The tables of requests that wait.
 *
 * A body lies in a table of its own: a claim, a renewal and a release write the row again, on SQLite whole, and a count reads rows by the
 * thousand; neither should move megabytes that nobody looks at.
 */
import { type Kysely, sql } from 'kysely';
import type { Priority } from '../../core/facts.ts';
import type { QueuedRequest, QueuedState, Way } from '../../queue/contract.ts';
import type { Differences } from '../differences.ts';

export interface QueuedTable {
  id: string;
  owner: string;
  team: string | null;
  dialect: string;
  operation: QueuedRequest['operation'];
  model: string;
  route: string;
  /** JSON, as the tags and the webhook are. */
  headers: string;
  tags: string;
  priority: Priority;
  way: Way;
  /** `group` is a word of SQL. */
  group_name: string;
  input_tokens: number;
  body_bytes: number;
  webhook: string | null;
  idempotency_key: string | null;
  state: QueuedState;
  /** 0 once it has ended. */
  live: number;
  tries: number;
  created_at_ms: number;
  deadline_at_ms: number;
  due_at_ms: number;
  rank_ms: number;
  /** 0 while no worker holds it. */
  held_until_ms: number;
  fence: number;
  flush: string | null;
  batch_no: number | null;
  batch_seq: number | null;
  answer_status: number | null;
  answer_headers: string | null;
  answer_body: string | null;
  cost_nano_usd: number;
  ended_at_ms: number | null;
  /** 1 once a delivery to its webhook is kept. */
  told: number;
}

export interface QueuedBodyTable {
  id: string;
  body: Uint8Array;
}

export interface QueueDatabase {
  intermodal_queued: QueuedTable;
  intermodal_queued_body: QueuedBodyTable;
}

/** The conditions of the indexes, word for word, without which SQLite does not use them. */
export const isLive = sql<boolean>`live = 1`;
export const inQueue = sql<boolean>`way = 'queue'`;
export const inBatches = sql<boolean>`way = 'batch'`;
export const hasEnded = sql<boolean>`live = 0`;
export const isWaiting = sql<boolean>`state = 'waiting'`;
export const isBatched = sql<boolean>`state = 'batched'`;
export const isGathered = sql<boolean>`state = 'gathered'`;
export const isToBeTold = sql<boolean>`live = 0 and told = 0 and webhook is not null`;

/** Partial, so that what has ended costs nothing; they hold what is asked for, so that a count or a claim that passes over thousands reads no rows. */
const indexes = [
  "index intermodal_queued_rank on intermodal_queued (rank_ms, due_at_ms, held_until_ms, route) where live = 1 and way = 'queue'",
  "index intermodal_queued_deadline on intermodal_queued (deadline_at_ms, due_at_ms, held_until_ms, route) where live = 1 and way = 'queue'",
  "index intermodal_queued_depth on intermodal_queued (priority, way, created_at_ms) where state = 'waiting'",
  "index intermodal_queued_group on intermodal_queued (group_name, created_at_ms, id, deadline_at_ms, body_bytes) where state = 'waiting' and way = 'batch'",
  "index intermodal_queued_gathered on intermodal_queued (flush) where state = 'gathered'",
  'index intermodal_queued_flush on intermodal_queued (flush, id) where flush is not null',
  "index intermodal_queued_batch on intermodal_queued (batch_no, batch_seq) where state = 'batched'",
  'unique index intermodal_queued_idempotency on intermodal_queued (owner, idempotency_key) where idempotency_key is not null',
  'index intermodal_queued_owner on intermodal_queued (owner, id)',
  'index intermodal_queued_ended on intermodal_queued (ended_at_ms) where live = 0',
  'index intermodal_queued_told on intermodal_queued (ended_at_ms) where live = 0 and told = 0 and webhook is not null',
];

/** Neither ends as a keyed table: answers and bodies are wide, and lie better beside the tree of their keys than in it. */
export async function createQueueTables(
  database: Kysely<unknown>,
  { text, bytes }: Differences,
): Promise<void> {
  await sql`create table intermodal_queued (
    id ${text} not null primary key,
    owner ${text} not null,
    team ${text},
    dialect ${text} not null,
    operation ${text} not null,
    model ${text} not null,
    route ${text} not null,
    headers ${text} not null,
    tags ${text} not null,
    priority ${text} not null,
    way ${text} not null,
    group_name ${text} not null,
    input_tokens bigint not null,
    body_bytes bigint not null,
    webhook ${text},
    idempotency_key ${text},
    state ${text} not null,
    live smallint not null,
    tries integer not null,
    created_at_ms bigint not null,
    deadline_at_ms bigint not null,
    due_at_ms bigint not null,
    rank_ms bigint not null,
    held_until_ms bigint not null,
    fence bigint not null,
    flush ${text},
    batch_no bigint,
    batch_seq bigint,
    answer_status integer,
    answer_headers ${text},
    answer_body ${text},
    cost_nano_usd bigint not null,
    ended_at_ms bigint,
    told smallint not null
  )`.execute(database);
  await sql`create table intermodal_queued_body (
    id ${text} not null primary key,
    body ${bytes} not null
  )`.execute(database);
  for (const index of indexes) await sql`create ${sql.raw(index)}`.execute(database);
}

/** The tables of batch work, and what a ledger entry of a batch needs. Released: never edited. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Differences } from '../differences.ts';

/** What queries look for beyond primary keys. Partial: an index costs whatever writes a row that is in it. */
const indexes = [
  'index intermodal_file_owner on intermodal_file (owner, created_at_ms, id)',
  'index intermodal_file_expires on intermodal_file (expires_at_ms) where expires_at_ms is not null',

  'unique index intermodal_batch_id on intermodal_batch (id)',
  'index intermodal_batch_owner on intermodal_batch (owner, no)',
  'unique index intermodal_batch_idempotency on intermodal_batch (owner, idempotency_key) where idempotency_key is not null',
  'index intermodal_batch_input on intermodal_batch (input_blob)',
  'index intermodal_batch_due on intermodal_batch (due_at_ms) where live = 1',
  'index intermodal_batch_ended on intermodal_batch (ended_at_ms) where live = 0',
  'index intermodal_batch_deleted on intermodal_batch (deleted_at_ms) where deleted_at_ms is not null',

  // Holds all that planning asks of the items that wait, so that it reads nothing else.
  'index intermodal_item_waiting on intermodal_item (batch_no, lane, step, seq, due_at_ms, line_bytes, input_tokens, strikes) where state = 0',
  // Alone, twins, rejected, dead: few among many, and looked for by themselves.
  'index intermodal_item_rare on intermodal_item (batch_no, state, seq) where state >= 10',
  'index intermodal_item_submission on intermodal_item (submission, seq) where submission is not null',

  'index intermodal_submission_batch on intermodal_submission (batch_no, created_at_ms, id)',
  'index intermodal_submission_due on intermodal_submission (due_at_ms) where live = 1',
  'index intermodal_submission_handle on intermodal_submission (handle) where handle is not null',

  'index intermodal_answer_at on intermodal_answer (at_ms)',
  'index intermodal_answer_blob on intermodal_answer (blob)',

  'index intermodal_delivery_due on intermodal_delivery (due_at_ms) where live = 1',
  'index intermodal_delivery_batch on intermodal_delivery (batch_no, created_at_ms, id)',
];

export async function createBatchTables(
  database: Kysely<unknown>,
  { text, keyedTable }: Differences,
): Promise<void> {
  for (const column of ['items', 'rough_input_tokens'])
    await database.schema.alterTable('intermodal_ledger').addColumn(column, 'bigint').execute();
  for (const [name, columns] of Object.entries(tables(text))) {
    await sql`create table ${sql.table(name)} (${columns}) ${keyedTable}`.execute(database);
  }
  await sql`create table intermodal_batch_number (no bigint not null)`.execute(database);
  await sql`insert into intermodal_batch_number (no) values (0)`.execute(database);
  for (const index of indexes) await sql`create ${sql.raw(index)}`.execute(database);
}

/** Small numbers are so in Postgres too, where a wide column would make every row of a million wider. */
function tables(text: RawBuilder<unknown>): Readonly<Record<string, RawBuilder<unknown>>> {
  const held = sql`
    live smallint not null,
    due_at_ms bigint not null,
    held_until_ms bigint not null,
    woken_at_ms bigint,
    fence bigint not null`;
  return {
    intermodal_file: sql`
      id ${text} not null primary key,
      owner ${text} not null,
      filename ${text} not null,
      purpose ${text} not null,
      bytes bigint not null,
      blob ${text} not null,
      created_at_ms bigint not null,
      expires_at_ms bigint`,
    intermodal_batch: batchColumns(text, held),
    intermodal_lane: sql`
      batch_no bigint not null,
      lane integer not null,
      model ${text} not null,
      route ${text} not null,
      operation ${text} not null,
      chain ${text} not null,
      checked smallint not null,
      role ${text} not null,
      next_lane integer,
      primary key (batch_no, lane)`,
    intermodal_item: itemColumns(text),
    intermodal_item_attempt: sql`
      batch_no bigint not null,
      seq bigint not null,
      attempt integer not null,
      target ${text} not null,
      submission ${text},
      at_ms bigint not null,
      error ${text} not null,
      primary key (batch_no, seq, attempt)`,
    intermodal_segment: sql`
      batch_no bigint not null,
      segment integer not null,
      blob ${text} not null,
      primary key (batch_no, segment)`,
    intermodal_submission: submissionColumns(text, held),
    intermodal_answer: sql`
      owner ${text} not null,
      hash ${text} not null,
      shape ${text} not null,
      blob ${text} not null,
      range_at bigint not null,
      range_bytes bigint not null,
      target ${text} not null,
      list_nano_usd bigint not null,
      at_ms bigint not null,
      primary key (owner, hash, shape)`,
    intermodal_delivery: sql`
      id ${text} not null primary key,
      batch_no bigint not null,
      url ${text} not null,
      body ${text} not null,
      tries integer not null,
      live smallint not null,
      due_at_ms bigint not null,
      held_until_ms bigint not null,
      created_at_ms bigint not null,
      delivered_at_ms bigint,
      given_up_at_ms bigint,
      last_status integer,
      last_error ${text}`,
  };
}

function batchColumns(text: RawBuilder<unknown>, held: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    no bigint not null primary key,
    id ${text} not null,
    owner ${text} not null,
    team ${text},
    shape ${text} not null,
    endpoint ${text} not null,
    input_file_id ${text},
    input_blob ${text} not null,
    input_bytes bigint not null,
    window_ms bigint not null,
    metadata ${text} not null,
    tags ${text} not null,
    priority ${text} not null,
    webhook ${text},
    idempotency_key ${text},
    reuse_ms bigint,
    keep_ms bigint,
    state ${text} not null,
    assembled_lines bigint not null,
    assembled_bytes bigint not null,
    problems ${text} not null,
    twins bigint not null,
    reused bigint not null,
    prefiltered bigint not null,
    repaired bigint not null,
    estimate_nano_usd bigint not null,
    cost_nano_usd bigint not null,
    list_nano_usd bigint not null,
    input_tokens bigint not null,
    cache_read_tokens bigint not null,
    output_tokens bigint not null,
    reasoning_tokens bigint not null,
    model ${text},
    outputs ${text} not null,
    waiting_items bigint not null,
    submitted_items bigint not null,
    alone_items bigint not null,
    twin_items bigint not null,
    done_items bigint not null,
    rejected_items bigint not null,
    dead_items bigint not null,
    cancelled_items bigint not null,
    expired_items bigint not null,
    created_at_ms bigint not null,
    deadline_at_ms bigint not null,
    running_at_ms bigint,
    finishing_at_ms bigint,
    cancelling_at_ms bigint,
    ended_at_ms bigint,
    deleted_at_ms bigint,
    ${held}`;
}

function itemColumns(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    batch_no bigint not null,
    seq bigint not null,
    custom_id ${text} not null,
    line_at bigint not null,
    line_bytes integer not null,
    hash ${text} not null,
    lane integer not null,
    step smallint not null,
    state smallint not null,
    strikes smallint not null,
    form_strikes smallint not null,
    attempts integer not null,
    due_at_ms bigint not null,
    input_tokens integer not null,
    twin_of bigint,
    submission ${text},
    segment integer,
    result_at bigint,
    result_bytes integer,
    cost_nano_usd bigint,
    list_nano_usd bigint,
    error ${text},
    cascade ${text},
    primary key (batch_no, seq)`;
}

function submissionColumns(text: RawBuilder<unknown>, held: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    id ${text} not null primary key,
    batch_no bigint not null,
    lane integer not null,
    step smallint not null,
    target ${text} not null,
    operation ${text} not null,
    state ${text} not null,
    items bigint not null,
    bytes bigint not null,
    input_tokens bigint not null,
    rough_input_tokens bigint,
    estimate_nano_usd bigint not null,
    handle ${text},
    tries integer not null,
    how ${text},
    error ${text},
    cost_nano_usd bigint not null,
    created_at_ms bigint not null,
    sent_at_ms bigint,
    ended_at_ms bigint,
    ${held}`;
}

/** The rows of batches on either kind of store. */
import { setImmediate } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { type BatchState, batchTransitions } from '../../batch/contract.ts';
import type { Connection, Database } from '../database.ts';
import { addDelivery } from '../deliveries.ts';
import { storable } from '../ledger-row.ts';
import { endedBatchStates, liveBatchStates, newBatchRow, patchRow, readBatch } from './batch-row.ts';
import type { BatchRows, CreatedBatch } from './contract.ts';
import { woken } from './held.ts';
import { readPage } from './page.ts';
import type { BatchTable } from './tables.ts';

/** Rows that one delete takes: short enough that other writers of the same file hardly notice. */
const eraseRows = 2000;

export function createBatchRows({ database }: Connection): BatchRows {
  return {
    create: (batch) => database.transaction().execute((transaction) => create(transaction, batch)),

    async get(owner, id) {
      const row = await database
        .selectFrom('intermodal_batch')
        .selectAll()
        .where('id', '=', storable(id))
        .where('owner', '=', storable(owner))
        .executeTakeFirst();
      return row === undefined ? undefined : readBatch(row);
    },

    async byNo(no) {
      const row = await rowOf(database, no);
      return row === undefined ? undefined : readBatch(row);
    },

    list: (owner, page) =>
      readPage(page, {
        cursor: (id) =>
          database
            .selectFrom('intermodal_batch')
            .select('no')
            .where('id', '=', storable(id))
            .where('owner', '=', storable(owner))
            .executeTakeFirst(),
        async rows(direction, cursor, limit) {
          let query = database
            .selectFrom('intermodal_batch')
            .selectAll()
            .where('owner', '=', storable(owner))
            .where('deleted_at_ms', 'is', null)
            .orderBy('no', direction)
            .limit(limit);
          if (page.shape !== undefined) query = query.where('shape', '=', page.shape);
          if (cursor !== undefined) query = query.where('no', direction === 'desc' ? '<' : '>', cursor.no);
          return (await query.execute()).map(readBatch);
        },
      }),

    async move(no, from, to, patch = {}, delivery) {
      const allowed = from.filter((state) => batchTransitions[state].includes(to));
      if (allowed.length === 0) return false;
      const move = async (connection: Kysely<Database>): Promise<boolean> => {
        const { numUpdatedRows } = await connection
          .updateTable('intermodal_batch')
          .set({ ...enter(to), ...patchRow(patch) })
          .where('no', '=', no)
          .where('state', 'in', allowed)
          .executeTakeFirstOrThrow();
        return numUpdatedRows === 1n;
      };
      if (delivery === undefined) return move(database);
      return database.transaction().execute(async (transaction) => {
        const moved = await move(transaction);
        if (moved) await addDelivery(transaction, delivery);
        return moved;
      });
    },

    async patch(no, patch) {
      const row = patchRow(patch);
      if (Object.keys(row).length === 0) return;
      await database.updateTable('intermodal_batch').set(row).where('no', '=', no).execute();
    },

    async wake(no, dueAtMs, later) {
      await database
        .updateTable('intermodal_batch')
        .set(woken(dueAtMs, later === 'later'))
        .where('no', '=', no)
        .execute();
    },

    async ended(beforeMs, limit) {
      const deleted = await database
        .selectFrom('intermodal_batch')
        .selectAll()
        .where('deleted_at_ms', 'is not', null)
        .where('state', 'in', endedBatchStates)
        .orderBy('deleted_at_ms')
        .limit(limit)
        .execute();
      const old = await database
        .selectFrom('intermodal_batch')
        .selectAll()
        // The index's own condition, word for word, without which SQLite does not use it.
        .where(sql<boolean>`live = 0`)
        .where('ended_at_ms', '<', beforeMs)
        .where('deleted_at_ms', 'is', null)
        .orderBy('ended_at_ms')
        .limit(limit)
        .execute();
      return [...deleted, ...old].slice(0, limit).map(readBatch);
    },

    async refers(blob, except = 0) {
      const row = await database
        .selectFrom('intermodal_batch')
        .select('no')
        .where('input_blob', '=', blob)
        .where('no', '<>', except)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    erase: (no) => erase(database, no),
  };
}

/** Which columns a state brings with it. A batch that runs again has neither finished nor ended, and must not be swept. */
function enter(to: BatchState): Partial<BatchTable> {
  const live = liveBatchStates.includes(to) ? 1 : 0;
  return to === 'running'
    ? { state: to, live, finishing_at_ms: null, ended_at_ms: null }
    : { state: to, live };
}

async function create(transaction: Kysely<Database>, batch: CreatedBatch) {
  // First, since it makes a second caller with the same idempotency key wait until the first has made its batch.
  const { no } = await transaction
    .updateTable('intermodal_batch_number')
    .set((row) => ({ no: row('no', '+', 1) }))
    .returning('no')
    .executeTakeFirstOrThrow();
  const key = batch.idempotencyKey;
  const existing = await transaction
    .selectFrom('intermodal_batch')
    .selectAll()
    .where('owner', '=', storable(batch.owner))
    .where((row) =>
      row.or([
        row('id', '=', batch.id),
        ...(key === undefined ? [] : [row('idempotency_key', '=', storable(key))]),
      ]),
    )
    .executeTakeFirst();
  if (existing !== undefined) return { batch: readBatch(existing), existing: true };
  const row = newBatchRow(no, batch);
  await transaction.insertInto('intermodal_batch').values(row).execute();
  return { batch: readBatch(row), existing: false };
}

export function rowOf(database: Kysely<Database>, no: number): Promise<BatchTable | undefined> {
  return database.selectFrom('intermodal_batch').selectAll().where('no', '=', no).executeTakeFirst();
}

/**
 * The batch itself goes last: if this is broken off, the next sweep finds it and goes on. Answers that lie in its segments go too,
 * since their bytes do.
 */
async function erase(database: Kysely<Database>, no: number): Promise<void> {
  const batch = await rowOf(database, no);
  if (batch === undefined) return;
  await eraseAnswers(database, no);
  const first = await firstLine(database, no);
  for (let seq = first ?? 0; first !== undefined && seq <= batch.assembled_lines; seq += eraseRows) {
    for (const table of ['intermodal_item_attempt', 'intermodal_item'] as const) {
      await database
        .deleteFrom(table)
        .where('batch_no', '=', no)
        .where('seq', '>=', seq)
        .where('seq', '<', seq + eraseRows)
        .execute();
    }
    await setImmediate();
  }
  await database.transaction().execute(async (transaction) => {
    for (const table of [
      'intermodal_lane',
      'intermodal_segment',
      'intermodal_submission',
      'intermodal_delivery',
    ] as const) {
      await transaction.deleteFrom(table).where('batch_no', '=', no).execute();
    }
    await transaction.deleteFrom('intermodal_batch').where('no', '=', no).execute();
  });
}

async function firstLine(database: Kysely<Database>, no: number): Promise<number | undefined> {
  const row = await database
    .selectFrom('intermodal_item')
    .select('seq')
    .where('batch_no', '=', no)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return row?.seq;
}

async function eraseAnswers(database: Kysely<Database>, no: number): Promise<void> {
  // Ends: each round deletes what it finds, and a batch that has ended makes no more answers.
  for (;;) {
    const { rows } = await sql`
      delete from intermodal_answer where (owner, hash, shape) in (
        select owner, hash, shape from intermodal_answer
        where blob in (select blob from intermodal_segment where batch_no = ${no}) limit ${sql.lit(eraseRows)}
      ) returning hash`.execute(database);
    if (rows.length < eraseRows) return;
    await setImmediate();
  }
}

/** What is done with requests of way `batch`: they are gathered, become items of a batch, and end as those items did. */
import { type Kysely, sql } from 'kysely';
import type { Connection, Database } from '../database.ts';
import type { QueueRows } from './contract.ts';
import { withBodies } from './reading.ts';
import { answerColumns } from './row.ts';
import { inBatches, isBatched, isGathered, isWaiting } from './tables.ts';

type BatchWays = Pick<
  QueueRows,
  | 'groups'
  | 'gather'
  | 'gathered'
  | 'openFlushes'
  | 'batched'
  | 'toQueue'
  | 'openBatches'
  | 'ofBatch'
  | 'settleBatched'
>;

export function createBatchWays(connection: Connection): BatchWays {
  return { ...createGathering(connection), ...createItems(connection) };
}

function createGathering({
  database,
  differences,
}: Connection): Pick<BatchWays, 'groups' | 'gather' | 'gathered' | 'openFlushes' | 'toQueue'> {
  return {
    async groups(limit) {
      const rows = await database
        .selectFrom('intermodal_queued')
        .select(({ fn }) => [
          'group_name',
          fn.countAll<number>().as('requests'),
          // A sum of bigints is a decimal to Postgres.
          sql<number>`cast(sum(body_bytes) as bigint)`.as('bytes'),
          sql<number>`min(created_at_ms)`.as('first'),
          sql<number>`min(deadline_at_ms)`.as('deadline'),
        ])
        .where(isWaiting)
        .where(inBatches)
        .groupBy('group_name')
        .orderBy('first')
        .orderBy('group_name')
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        group: row.group_name,
        requests: Number(row.requests),
        bytes: row.bytes,
        firstAtMs: row.first,
        earliestDeadlineAtMs: row.deadline,
      }));
    },

    gather: (group, flush, limit) =>
      database.transaction().execute(async (transaction) => {
        // A caller that was not answered asks again.
        const before = await countOf(transaction, flush);
        if (before > 0) return before;
        const { numUpdatedRows } = await transaction
          .with(
            (name) => name('taken').materialized(),
            (rows) =>
              rows
                .selectFrom('intermodal_queued')
                .select('id')
                .where(isWaiting)
                .where(inBatches)
                .where('group_name', '=', group)
                .orderBy('created_at_ms')
                .orderBy('id')
                .limit(limit)
                .modifyEnd(differences.takeRows),
          )
          .updateTable('intermodal_queued')
          .set({ state: 'gathered', flush })
          .where('id', 'in', (rows) => rows.selectFrom('taken').select('id'))
          .executeTakeFirstOrThrow();
        return Number(numUpdatedRows);
      }),

    async gathered(flush, afterId, limit) {
      const rows = await database
        .selectFrom('intermodal_queued')
        .selectAll()
        .where('flush', '=', flush)
        .where('flush', 'is not', null)
        .where('id', '>', afterId)
        .orderBy('id')
        .limit(limit)
        .execute();
      return withBodies(database, rows);
    },

    async openFlushes() {
      const rows = await database
        .selectFrom('intermodal_queued')
        .select('flush')
        .distinct()
        .where(isGathered)
        .orderBy('flush')
        .execute();
      return rows.flatMap(({ flush }) => (flush === null ? [] : [flush]));
    },

    async toQueue(from, nowMs) {
      const query = database
        .updateTable('intermodal_queued')
        .set({ way: 'queue', state: 'waiting', flush: null, due_at_ms: nowMs });
      const { numUpdatedRows } = await ('flush' in from
        ? query.where(isGathered).where('flush', '=', from.flush)
        : query.where(isWaiting).where(inBatches).where('group_name', '=', from.group)
      ).executeTakeFirstOrThrow();
      return Number(numUpdatedRows);
    },
  };
}

function createItems({
  database,
}: Connection): Pick<BatchWays, 'batched' | 'openBatches' | 'ofBatch' | 'settleBatched'> {
  return {
    async batched(flush, batchNo) {
      const { numUpdatedRows } = await database
        .updateTable('intermodal_queued')
        .from((rows) =>
          rows
            .selectFrom('intermodal_queued')
            .select(['id as placed_id', sql<number>`row_number() over (order by id)`.as('seq')])
            .where('flush', '=', flush)
            .where('flush', 'is not', null)
            .as('placed'),
        )
        .set((row) => ({ state: 'batched', batch_no: batchNo, batch_seq: row.ref('placed.seq') }))
        .whereRef('id', '=', 'placed.placed_id')
        .where(isGathered)
        .executeTakeFirstOrThrow();
      return Number(numUpdatedRows);
    },

    async openBatches() {
      const rows = await database
        .selectFrom('intermodal_queued')
        .select('batch_no')
        .distinct()
        .where(isBatched)
        .orderBy('batch_no')
        .execute();
      return rows.flatMap(({ batch_no: no }) => (no === null ? [] : [no]));
    },

    async ofBatch(batchNo, afterSeq, limit) {
      const rows = await database
        .selectFrom('intermodal_queued')
        .selectAll()
        .where(isBatched)
        .where('batch_no', '=', batchNo)
        .where('batch_seq', '>', afterSeq)
        .orderBy('batch_seq')
        .limit(limit)
        .execute();
      return withBodies(database, rows);
    },

    settleBatched: (settled, nowMs) =>
      database.transaction().execute(async (transaction) => {
        let ended = 0;
        for (const one of settled) {
          const { numUpdatedRows } = await transaction
            .updateTable('intermodal_queued')
            .set({
              ...answerColumns(one.answer),
              state: one.state,
              live: 0,
              cost_nano_usd: one.costNanoUsd,
              ended_at_ms: nowMs,
            })
            .where('id', '=', one.id)
            .where(isBatched)
            .executeTakeFirstOrThrow();
          ended += Number(numUpdatedRows);
        }
        return ended;
      }),
  };
}

async function countOf(database: Kysely<Database>, flush: string): Promise<number> {
  const row = await database
    .selectFrom('intermodal_queued')
    .select(({ fn }) => fn.countAll<number>().as('requests'))
    .where('flush', '=', flush)
    .where('flush', 'is not', null)
    .executeTakeFirstOrThrow();
  return Number(row.requests);
}

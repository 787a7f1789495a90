/** Messages to callers' webhooks on either kind of store. */
import { type Kysely, sql } from 'kysely';
import type { Delivery, DeliveryRows } from './batch/contract.ts';
import type { DeliveryTable } from './batch/tables.ts';
import type { Connection, Database } from './database.ts';
import { storable } from './ledger-row.ts';

/** Batches count from 1. */
const noBatch = 0;
/** Removed by one statement. */
const pruneRows = 1_000;

export function createDeliveryRows({ database, differences }: Connection): DeliveryRows {
  return {
    add: (delivery) => addDelivery(database, delivery),

    async claim(nowMs, leaseMs, limit) {
      const rows = await database
        .updateTable('intermodal_delivery')
        .set({ held_until_ms: nowMs + leaseMs })
        .where('id', 'in', (due) =>
          due
            .selectFrom('intermodal_delivery')
            .select('id')
            // The index's own condition, word for word, without which SQLite does not use it.
            .where(sql<boolean>`live = 1`)
            .where('due_at_ms', '<=', nowMs)
            .where('held_until_ms', '<=', nowMs)
            .orderBy('due_at_ms')
            .limit(limit)
            .modifyEnd(differences.takeRows),
        )
        .returningAll()
        .execute();
      return rows.map(readRow).sort((one, other) => one.dueAtMs - other.dueAtMs);
    },

    async record(delivery) {
      const { id, batch_no, url, body, created_at_ms, ...row } = writeRow(delivery);
      await database
        .updateTable('intermodal_delivery')
        .set(row)
        .where('id', '=', id)
        // Who was held up while another tried again has nothing new to say.
        .where('tries', '<=', row.tries)
        .where('delivered_at_ms', 'is', null)
        .execute();
    },

    async ofBatch(batchNo) {
      const rows = await database
        .selectFrom('intermodal_delivery')
        .selectAll()
        .where('batch_no', '=', batchNo)
        .orderBy('created_at_ms')
        .orderBy('id')
        .execute();
      return rows.map(readRow);
    },

    async prune(createdBeforeMs) {
      let pruned = 0;
      for (let removed = pruneRows; removed === pruneRows; pruned += removed) {
        const { numDeletedRows } = await database
          .deleteFrom('intermodal_delivery')
          .where('id', 'in', (old) =>
            old
              .selectFrom('intermodal_delivery')
              .select('id')
              .where('batch_no', '=', noBatch)
              .where('created_at_ms', '<', createdBeforeMs)
              .orderBy('created_at_ms')
              .limit(pruneRows),
          )
          .executeTakeFirstOrThrow();
        removed = Number(numDeletedRows);
      }
      return pruned;
    },
  };
}

export async function addDelivery(database: Kysely<Database>, delivery: Delivery): Promise<void> {
  await database
    .insertInto('intermodal_delivery')
    .values(writeRow(delivery))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

function writeRow(delivery: Delivery): DeliveryTable {
  return {
    id: delivery.id,
    batch_no: delivery.batchNo ?? noBatch,
    url: storable(delivery.url),
    body: storable(delivery.body),
    tries: delivery.tries,
    live: delivery.deliveredAtMs === undefined && delivery.givenUpAtMs === undefined ? 1 : 0,
    due_at_ms: delivery.dueAtMs,
    held_until_ms: 0,
    created_at_ms: delivery.createdAtMs,
    delivered_at_ms: delivery.deliveredAtMs ?? null,
    given_up_at_ms: delivery.givenUpAtMs ?? null,
    last_status: delivery.lastStatus ?? null,
    last_error: delivery.lastError === undefined ? null : storable(delivery.lastError),
  };
}

function readRow(row: DeliveryTable): Delivery {
  return {
    id: row.id,
    ...(row.batch_no === noBatch ? {} : { batchNo: row.batch_no }),
    url: row.url,
    body: row.body,
    tries: row.tries,
    dueAtMs: row.due_at_ms,
    createdAtMs: row.created_at_ms,
    ...(row.delivered_at_ms === null ? {} : { deliveredAtMs: row.delivered_at_ms }),
    ...(row.given_up_at_ms === null ? {} : { givenUpAtMs: row.given_up_at_ms }),
    ...(row.last_status === null ? {} : { lastStatus: row.last_status }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  };
}

/** The rows of requests that wait, on either kind of store. */
import type { Kysely } from 'kysely';
import type { NewQueuedRequest } from '../../queue/contract.ts';
import type { Connection, Database } from '../database.ts';
import { storable } from '../ledger-row.ts';
import { StoreError } from '../store-error.ts';
import { createBatchWays } from './batches.ts';
import type { QueueRows } from './contract.ts';
import { createListing } from './listing.ts';
import { withBodies } from './reading.ts';
import { newRow, readRow } from './row.ts';
import { hasEnded, isLive, isWaiting, type QueuedTable } from './tables.ts';
import { createTelling } from './telling.ts';
import { createWork } from './work.ts';

/** Removed in one transaction; others are let through between two. */
const pruneRows = 1_000;

export function createQueueRows(connection: Connection): QueueRows {
  return {
    ...createKeeping(connection),
    ...createListing(connection),
    ...createTelling(connection),
    ...createWork(connection),
    ...createBatchWays(connection),
  };
}

function createKeeping({
  database,
}: Connection): Pick<QueueRows, 'add' | 'addAll' | 'get' | 'cancel' | 'depths' | 'prune'> {
  return {
    async add(request) {
      const existing = await database.transaction().execute((transaction) => insert(transaction, request));
      if (existing === undefined) return { request: readRow(newRow(request), request.body), existing: false };
      const [before] = await withBodies(database, [existing]);
      if (before === undefined) throw new StoreError(`The request ${existing.id} has no body.`);
      return { request: before, existing: true };
    },

    async addAll(requests) {
      const found = await database.transaction().execute(async (transaction) => {
        const existing: (QueuedTable | undefined)[] = [];
        for (const request of requests) existing.push(await insert(transaction, request));
        return existing;
      });
      const rows = found.flatMap((row) => row ?? []);
      const before = new Map((await withBodies(database, rows)).map((request) => [request.id, request]));
      return requests.map((request, index) => {
        const row = found[index];
        if (row === undefined) return { request: readRow(newRow(request), request.body), existing: false };
        const kept = before.get(row.id);
        if (kept === undefined) throw new StoreError(`The request ${row.id} has no body.`);
        return { request: kept, existing: true };
      });
    },

    async get(owner, id) {
      const row = await database
        .selectFrom('intermodal_queued')
        .selectAll()
        .where('id', '=', storable(id))
        .where('owner', '=', storable(owner))
        .executeTakeFirst();
      return row === undefined ? undefined : (await withBodies(database, [row]))[0];
    },

    async cancel(owner, id, nowMs) {
      const { numUpdatedRows } = await database
        .updateTable('intermodal_queued')
        .set({ state: 'cancelled', live: 0, ended_at_ms: nowMs, held_until_ms: 0 })
        .where('id', '=', storable(id))
        .where('owner', '=', storable(owner))
        .where(isLive)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async depths() {
      const rows = await database
        .selectFrom('intermodal_queued')
        .select(({ fn }) => [
          'way',
          'priority',
          fn.countAll<number>().as('waiting'),
          fn.min<number>('created_at_ms').as('oldest'),
        ])
        .where(isWaiting)
        .groupBy(['priority', 'way'])
        .orderBy('priority')
        .orderBy('way')
        .execute();
      return rows.map(({ way, priority, waiting, oldest }) => ({
        way,
        priority,
        waiting: Number(waiting),
        oldestAtMs: oldest,
      }));
    },

    async prune(endedBeforeMs) {
      let pruned = 0;
      let removed = pruneRows;
      // Ends: each round removes what it found, and none comes to have ended earlier than it had.
      while (removed === pruneRows) {
        removed = await database
          .transaction()
          .execute((transaction) => pruneSome(transaction, endedBeforeMs));
        pruned += removed;
      }
      return pruned;
    },
  };
}

/** What stands in its way, if anything does; then nothing was written. */
async function insert(
  transaction: Kysely<Database>,
  request: NewQueuedRequest,
): Promise<QueuedTable | undefined> {
  const row = newRow(request);
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('intermodal_queued')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 1n) {
    await transaction
      .insertInto('intermodal_queued_body')
      .values({ id: row.id, body: request.body })
      .execute();
    return undefined;
  }
  // The same id: a caller that was not answered asks again.
  return transaction
    .selectFrom('intermodal_queued')
    .selectAll()
    .where('owner', '=', row.owner)
    .where((is) =>
      row.idempotency_key === null
        ? is('id', '=', row.id)
        : is.or([is('id', '=', row.id), is('idempotency_key', '=', row.idempotency_key)]),
    )
    .executeTakeFirstOrThrow();
}

async function pruneSome(transaction: Kysely<Database>, endedBeforeMs: number): Promise<number> {
  const rows = await transaction
    .selectFrom('intermodal_queued')
    .select('id')
    .where(hasEnded)
    .where('ended_at_ms', '<', endedBeforeMs)
    .orderBy('ended_at_ms')
    .limit(pruneRows)
    .execute();
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return 0;
  await transaction.deleteFrom('intermodal_queued_body').where('id', 'in', ids).execute();
  await transaction.deleteFrom('intermodal_queued').where('id', 'in', ids).execute();
  return ids.length;
}

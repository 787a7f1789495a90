/** The rows of items on either kind of store: reading them here, what moves them in the files beside. */
import { type Kysely, sql } from 'kysely';
import type { Item, ItemState } from '../../batch/contract.ts';
import type { Connection, Database } from '../database.ts';
import { storable } from '../ledger-row.ts';
import { readCounts } from './batch-row.ts';
import { rowOf } from './batches.ts';
import { Bulk } from './bulk.ts';
import type { ItemRows } from './contract.ts';
import { lockBatch } from './counters.ts';
import { readAttempt, readItem } from './item-row.ts';
import { firstRareCode, itemStateCodes } from './item-states.ts';
import { createAdd } from './items-add.ts';
import { createAssign } from './items-assign.ts';
import { createSettle } from './items-settle.ts';
import { createSettleDone } from './items-settle-done.ts';
import { createSweep, isOf, isRare } from './items-sweep.ts';
import { createWaiting } from './items-waiting.ts';
import { readList } from './json.ts';
import type { ItemAttemptTable, ItemTable } from './tables.ts';

export function createItemRows(connection: Connection): ItemRows {
  return {
    add: createAdd(connection),
    assign: createAssign(connection),
    settle: createSettle(connection),
    settleDone: createSettleDone(connection),
    ...createWaiting(connection),
    ...createSweep(connection),
    ...createReading(connection),
    ...createSegments(connection),
  };
}

function createReading(
  connection: Connection,
): Pick<ItemRows, 'lanes' | 'get' | 'page' | 'names' | 'counts' | 'attempts'> {
  const { database } = connection;
  const bySeq = new Bulk<ItemTable>((rows) =>
    database
      .selectFrom('intermodal_item')
      .selectAll()
      .where('batch_no', '=', 0)
      .where(
        'seq',
        'in',
        Array.from({ length: rows }, () => 0),
      )
      .orderBy('seq')
      .compile(),
  );
  const rowsBySeq = (batchNo: number, seqs: readonly number[]) =>
    bySeq.run(database, seqs, pushNumber, { before: [batchNo] });
  const attemptsBySeq = new Bulk<ItemAttemptTable>((rows) =>
    database
      .selectFrom('intermodal_item_attempt')
      .selectAll()
      .where('batch_no', '=', 0)
      .where(
        'seq',
        'in',
        Array.from({ length: rows }, () => 0),
      )
      .orderBy('seq')
      .orderBy('attempt')
      .compile(),
  );
  return {
    async lanes(batchNo) {
      const rows = await database
        .selectFrom('intermodal_lane')
        .selectAll()
        .where('batch_no', '=', batchNo)
        .orderBy('lane')
        .execute();
      return rows.map((row) => ({
        batchNo: row.batch_no,
        lane: row.lane,
        model: row.model,
        route: row.route,
        operation: row.operation,
        chain: readList(row.chain),
        checked: row.checked === 1,
        role: row.role,
        ...(row.next_lane === null ? {} : { next: row.next_lane }),
      }));
    },

    async get(batchNo, seqs) {
      return (await rowsBySeq(batchNo, ascending(seqs))).map(readItem);
    },

    page: (batchNo, afterSeq, limit, filter = {}) =>
      page(connection, (seqs) => rowsBySeq(batchNo, seqs), batchNo, afterSeq, limit, filter),

    async names(batchNo, afterSeq, limit) {
      const rows = await database
        .selectFrom('intermodal_item')
        .select(['seq', 'custom_id', 'hash'])
        .where('batch_no', '=', batchNo)
        .where('seq', '>', afterSeq)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ seq: row.seq, customId: row.custom_id, hash: row.hash }));
    },

    async counts(batchNo) {
      const row = await rowOf(database, batchNo);
      return row === undefined
        ? { total: 0, done: 0, failed: 0, cancelled: 0, expired: 0, open: 0, twins: 0 }
        : readCounts(row);
    },

    async attempts(batchNo, seqs) {
      const rows = await attemptsBySeq.run(database, ascending(seqs), pushNumber, { before: [batchNo] });
      return rows.map(readAttempt);
    },
  };
}

function ascending(seqs: readonly number[]): readonly number[] {
  return [...new Set(seqs)].sort((one, other) => one - other);
}

function pushNumber(value: number, values: (string | number | null)[]): void {
  values.push(value);
}

type Filter = NonNullable<Parameters<ItemRows['page']>[3]>;

async function page(
  { database }: Connection,
  bySeq: (seqs: readonly number[]) => Promise<readonly ItemTable[]>,
  batchNo: number,
  afterSeq: number,
  limit: number,
  { states, submission }: Filter,
): Promise<readonly Item[]> {
  if (submission === undefined && states?.every((state) => itemStateCodes[state] >= firstRareCode)) {
    const seqs = await rareSeqs(database, batchNo, afterSeq, limit, states);
    const codes = states.map((state) => itemStateCodes[state]);
    // One that has moved on since its number was read is not of these any more.
    return (await bySeq(seqs)).filter((row) => codes.includes(row.state)).map(readItem);
  }
  let query = database
    .selectFrom('intermodal_item')
    .selectAll()
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit);
  query =
    submission === undefined
      ? query.where('batch_no', '=', batchNo)
      : query.where('submission', '=', submission).where(isOf(batchNo));
  if (states !== undefined) {
    query = query.where(
      'state',
      'in',
      states.map((state) => itemStateCodes[state]),
    );
  }
  return (await query.execute()).map(readItem);
}

/** From the rare index alone, state by state: of a million lines it reads those that are asked for. */
async function rareSeqs(
  database: Kysely<Database>,
  batchNo: number,
  afterSeq: number,
  limit: number,
  states: readonly ItemState[],
): Promise<readonly number[]> {
  const seqs: number[] = [];
  for (const state of states) {
    const rows = await database
      .selectFrom('intermodal_item')
      .select('seq')
      .where('batch_no', '=', batchNo)
      .where('state', '=', itemStateCodes[state])
      .where(isRare)
      .where('seq', '>', afterSeq)
      .orderBy('seq')
      .limit(limit)
      .execute();
    for (const { seq } of rows) seqs.push(seq);
  }
  return ascending(seqs).slice(0, limit);
}

function createSegments({ database, differences }: Connection): Pick<ItemRows, 'addSegment' | 'segments'> {
  return {
    addSegment: (batchNo, blob) =>
      database.transaction().execute(async (transaction) => {
        await lockBatch(transaction, differences, batchNo);
        const rows = await transaction
          .selectFrom('intermodal_segment')
          .selectAll()
          .where('batch_no', '=', batchNo)
          .where((row) =>
            row.or([
              row('blob', '=', storable(blob)),
              row('segment', '=', (all) =>
                all
                  .selectFrom('intermodal_segment')
                  .select(sql<number>`max(segment)`.as('last'))
                  .where('batch_no', '=', batchNo),
              ),
            ]),
          )
          .orderBy('segment', 'desc')
          .execute();
        // A caller that was not answered asks again.
        const existing = rows.find((row) => row.blob === blob);
        if (existing !== undefined) return existing.segment;
        const segment = (rows[0]?.segment ?? 0) + 1;
        await transaction
          .insertInto('intermodal_segment')
          .values({ batch_no: batchNo, segment, blob })
          .execute();
        return segment;
      }),

    async segments(batchNo) {
      const rows = await database
        .selectFrom('intermodal_segment')
        .select(['segment', 'blob'])
        .where('batch_no', '=', batchNo)
        .orderBy('segment')
        .execute();
      return rows;
    },
  };
}

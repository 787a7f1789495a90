/** The rows of items on either kind of store: reading them here, what moves them in the files beside. */
import { sql } from 'kysely';
import type { Item, ItemState } from '../../batch/contract.ts';
import type { Connection } from '../database.ts';
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
import { createSweep, isRare } from './items-sweep.ts';
import { createWaiting } from './items-waiting.ts';
import { readList } from './json.ts';
import type { ItemAttemptTable, ItemTable } from './tables.ts';

export function createItemRows(connection: Connection): ItemRows {
  return {
    add: createAdd(connection),
    assign: createAssign(connection),
    settle: createSettle(connection),
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
      }));
    },

    async get(batchNo, seqs) {
      const rows = await bySeq.run(database, ascending(seqs), pushNumber, { before: [batchNo] });
      return rows.map(readItem);
    },

    page: (batchNo, afterSeq, limit, filter = {}) => page(connection, batchNo, afterSeq, limit, filter),

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
  connection: Connection,
  batchNo: number,
  afterSeq: number,
  limit: number,
  { states, submission }: Filter,
): Promise<readonly Item[]> {
  const rare = states?.every((state) => itemStateCodes[state] >= firstRareCode) ?? false;
  if (states === undefined || submission !== undefined || !rare) {
    return select(connection, batchNo, afterSeq, limit, { submission, states });
  }
  // One by one each comes from the rare index in order; together they would all be read to be sorted.
  const parts: Item[] = [];
  for (const state of states) {
    parts.push(...(await select(connection, batchNo, afterSeq, limit, { states: [state], rare: true })));
  }
  return parts.sort((one, other) => one.seq - other.seq).slice(0, limit);
}

interface Selected {
  readonly states?: readonly ItemState[] | undefined;
  readonly submission?: string | undefined;
  readonly rare?: boolean;
}

async function select(
  { database }: Connection,
  batchNo: number,
  afterSeq: number,
  limit: number,
  { states, submission, rare }: Selected,
): Promise<readonly Item[]> {
  let query = database
    .selectFrom('intermodal_item')
    .selectAll()
    .where('batch_no', '=', batchNo)
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit);
  if (submission !== undefined) query = query.where('submission', '=', submission);
  if (states !== undefined) {
    query = query.where(
      'state',
      'in',
      states.map((state) => itemStateCodes[state]),
    );
  }
  if (rare === true) query = query.where(isRare);
  return (await query.execute()).map(readItem);
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

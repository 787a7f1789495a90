/** Lines of a batch that is being assembled, by the thousand, exactly once. */
import type { CompiledQuery, Kysely } from 'kysely';
import type { Connection, Database } from '../database.ts';
import type { Differences } from '../differences.ts';
import { storable } from '../ledger-row.ts';
import { Bulk } from './bulk.ts';
import type { AddedItems, ItemRows } from './contract.ts';
import { lockBatch, Moves } from './counters.ts';
import { blankItem, pushItem } from './item-row.ts';
import { readProblems } from './json.ts';

/** Problems that a batch keeps: enough to see what is wrong with an input, however long it is. */
const mostProblems = 100;

export function createAdd({ database, differences }: Connection): ItemRows['add'] {
  const insert = new Bulk((rows) => compileInsert(database, rows));
  return (batchNo, firstLine, added) =>
    database
      .transaction()
      .execute((transaction) => add({ transaction, differences, insert }, batchNo, firstLine, added));
}

interface Adding {
  readonly transaction: Kysely<Database>;
  readonly differences: Differences;
  readonly insert: Bulk<unknown>;
}

async function add(
  { transaction, differences, insert }: Adding,
  batchNo: number,
  firstLine: number,
  added: AddedItems,
): Promise<boolean> {
  const batch = await lockBatch(transaction, differences, batchNo);
  if (batch?.state !== 'assembling' || batch.assembled_lines !== firstLine - 1) return false;
  for (const lane of added.lanes) {
    await transaction
      .insertInto('intermodal_lane')
      .values({
        batch_no: batchNo,
        lane: lane.lane,
        model: storable(lane.model),
        route: storable(lane.route),
        operation: lane.operation,
        chain: JSON.stringify(lane.chain),
        checked: lane.checked ? 1 : 0,
        role: lane.role,
        next_lane: lane.next ?? null,
      })
      .onConflict((conflict) => conflict.columns(['batch_no', 'lane']).doNothing())
      .execute();
  }
  await insert.run(transaction, added.items, pushItem);
  const moves = new Moves();
  const sums = { twins: 0, cost_nano_usd: 0, list_nano_usd: 0 };
  for (const { state, twinOf, result } of added.items) {
    moves.into(state);
    if (twinOf !== undefined) sums.twins++;
    // What is answered already, by earlier work or by a rule.
    sums.cost_nano_usd += result?.costNanoUsd ?? 0;
    sums.list_nano_usd += result?.listNanoUsd ?? 0;
  }
  const problems = [...readProblems(batch.problems), ...added.problems].slice(0, mostProblems);
  await moves.write(
    transaction,
    batchNo,
    {
      ...sums,
      estimate_nano_usd: added.estimateNanoUsd,
      reused: added.reused,
      prefiltered: added.prefiltered,
    },
    {
      assembled_lines: added.assembledLines,
      assembled_bytes: added.assembledBytes,
      ...(added.problems.length === 0 ? {} : { problems: JSON.stringify(problems) }),
    },
  );
  return true;
}

function compileInsert(database: Kysely<Database>, rows: number): CompiledQuery<unknown> {
  return database
    .insertInto('intermodal_item')
    .values(Array.from({ length: rows }, () => blankItem))
    .compile();
}

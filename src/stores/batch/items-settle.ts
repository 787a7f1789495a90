/**
 * What came of items, by the thousand. Only an item that is still where it is settled from is changed, and only what was changed
 * counts: a settlement that is repeated after a crash counts nothing twice.
 */
import { type CompiledQuery, type Kysely, sql } from 'kysely';
import type { ItemAttempt, ItemState } from '../../batch/contract.ts';
import type { Connection, Database } from '../database.ts';
import type { Differences } from '../differences.ts';
import { Bulk, type Value } from './bulk.ts';
import type { ItemRows, Settled, SettledSums } from './contract.ts';
import { lockBatch, Moves } from './counters.ts';
import { blankAttempt, pushAttempt } from './item-row.ts';
import { itemStateCodes } from './item-states.ts';
import { addCost, sumOf } from './settled-sums.ts';

type From = Parameters<ItemRows['settle']>[1];
type SettledOne = Settled & { readonly sums?: SettledSums };

/** What a settlement tells of the item that it changed. */
export interface Changed {
  readonly seq: number;
  readonly attempts: number;
}

interface Statements {
  readonly submitted: Bulk<Changed>;
  readonly alone: Bulk<Changed>;
  readonly attempts: Bulk<unknown>;
}

export function createSettle({ database, differences }: Connection): ItemRows['settle'] {
  const statements: Statements = {
    submitted: new Bulk((rows) =>
      compileUpdate(database, rows, sql`and state = ${0} and submission = ${''}`),
    ),
    alone: new Bulk((rows) => compileUpdate(database, rows, sql`and state = ${0}`)),
    attempts: attemptInsert(database),
  };
  return async (batchNo, from, settled) => {
    if (settled.length === 0) return 0;
    return database
      .transaction()
      .execute((transaction) => settle(transaction, differences, statements, { batchNo, from, settled }));
  };
}

async function settle(
  transaction: Kysely<Database>,
  differences: Differences,
  statements: Statements,
  {
    batchNo,
    from,
    settled,
  }: { readonly batchNo: number; readonly from: From; readonly settled: readonly SettledOne[] },
): Promise<number> {
  if ((await lockBatch(transaction, differences, batchNo)) === undefined) return 0;
  const bySeq = new Map<number, SettledOne>();
  // Of two settlements of one item the first holds, as if they had come one by one.
  for (const one of settled) if (!bySeq.has(one.seq)) bySeq.set(one.seq, one);
  const distinct = bySeq.size === settled.length ? settled : [...bySeq.values()];
  const changed =
    'submission' in from
      ? await statements.submitted.run(transaction, distinct, pushSettled, {
          after: [batchNo, itemStateCodes.submitted, from.submission],
        })
      : await statements.alone.run(transaction, distinct, pushSettled, {
          after: [batchNo, itemStateCodes.alone],
        });

  const moves = new Moves();
  const fromState: ItemState = 'submission' in from ? 'submitted' : 'alone';
  const costs: SettledSums[] = [];
  const failures: ItemAttempt[] = [];
  for (const { seq, attempts } of changed) {
    const one = bySeq.get(seq);
    if (one === undefined) continue;
    moves.move(fromState, one.state);
    if (one.sums !== undefined) costs.push(one.sums);
    if (one.failed !== undefined) failures.push({ ...one.failed, batchNo, seq, attempt: attempts });
  }
  const sums = sumOf(costs);
  await statements.attempts.run(transaction, failures, pushAttempt);
  await moves.write(transaction, batchNo, sums);
  if ('submission' in from) await addCost(transaction, from.submission, sums.cost_nano_usd);
  return changed.length;
}

export function attemptInsert(database: Kysely<Database>): Bulk<unknown> {
  return new Bulk((rows) =>
    database
      .insertInto('intermodal_item_attempt')
      .values(Array.from({ length: rows }, () => blankAttempt))
      .compile(),
  );
}

/** A failed attempt is one, whether or not it was said to count. */
export function attemptsOf({ attempted, failed }: Pick<Settled, 'attempted' | 'failed'>): number {
  return attempted || failed !== undefined ? 1 : 0;
}

function pushSettled(one: SettledOne, values: Value[]): void {
  const { result } = one;
  values.push(
    one.seq,
    itemStateCodes[one.state],
    one.step ?? null,
    one.strikes ?? null,
    one.formStrikes ?? null,
    attemptsOf(one),
    one.dueAtMs ?? null,
    result?.segment ?? null,
    result?.at ?? null,
    result?.bytes ?? null,
    result?.costNanoUsd ?? null,
    result?.listNanoUsd ?? null,
    one.error === undefined ? null : JSON.stringify(one.error),
    one.lane ?? null,
    one.cascade === undefined ? null : JSON.stringify(one.cascade),
  );
}

/** Types of `pushSettled`'s values, which Postgres is told by the first row. */
const numbers = ['seq', 'state', 'step', 'strikes', 'form_strikes', 'attempts', 'due'] as const;
const result = ['segment', 'at', 'bytes', 'cost', 'list'] as const;
const valueTypes = [...[...numbers, ...result].map(() => 'bigint'), 'text', 'bigint', 'text'];

function compileUpdate(
  database: Kysely<Database>,
  rows: number,
  from: ReturnType<typeof sql>,
): CompiledQuery<Changed> {
  const first = sql.join(valueTypes.map((type) => sql`cast(${null} as ${sql.raw(type)})`));
  const other = sql.join(valueTypes.map(() => sql`${null}`));
  const values = sql.join(Array.from({ length: rows }, (_, row) => sql`(${row === 0 ? first : other})`));
  return sql<Changed>`
    update intermodal_item set
      state = column2,
      step = coalesce(column3, step),
      strikes = coalesce(column4, strikes),
      form_strikes = coalesce(column5, form_strikes),
      attempts = attempts + column6,
      due_at_ms = coalesce(column7, due_at_ms),
      segment = coalesce(column8, segment),
      result_at = coalesce(column9, result_at),
      result_bytes = coalesce(column10, result_bytes),
      cost_nano_usd = coalesce(column11, cost_nano_usd),
      list_nano_usd = coalesce(column12, list_nano_usd),
      error = case when column13 is null and column2 <> ${sql.lit(itemStateCodes.done)} then error else column13 end,
      lane = coalesce(column14, lane),
      cascade = coalesce(column15, cascade),
      submission = case when ${staysIn(sql`column2`)} then submission end
    from (values ${values}) as given
    where seq = column1 and batch_no = ${0} ${from}
    returning seq, attempts`.compile(database);
}

/** Whether an item in that state still says which submission it was in: not where it is to be sent again, or asked alone. */
export function staysIn(code: ReturnType<typeof sql>): ReturnType<typeof sql> {
  const { waiting, alone, twin } = itemStateCodes;
  return sql`${code} not in (${sql.lit(waiting)}, ${sql.lit(alone)}, ${sql.lit(twin)})`;
}

/** Settles the many items of a submission that are done, by the thousand. Guarded as `items-settle.ts` is: what was settled before counts nothing again. */
import { type CompiledQuery, type Kysely, sql } from 'kysely';
import type { Connection, Database } from '../database.ts';
import { Bulk } from './bulk.ts';
import type { DoneItem, ItemRows } from './contract.ts';
import { lockBatch, Moves } from './counters.ts';
import { itemStateCodes } from './item-states.ts';
import { addCost, sumOf } from './settled-sums.ts';

interface Settled {
  readonly seq: number;
}

export function createSettleDone({ database, differences }: Connection): ItemRows['settleDone'] {
  const update = new Bulk<Settled>((rows) => compileUpdate(database, rows));
  return async (batchNo, submission, segment, done) => {
    if (done.length === 0) return 0;
    return database.transaction().execute(async (transaction) => {
      if ((await lockBatch(transaction, differences, batchNo)) === undefined) return 0;
      const changed = await update.run(
        transaction,
        done,
        ({ seq, at, bytes, costNanoUsd, listNanoUsd }, values) => {
          values.push(seq, at, bytes, costNanoUsd, listNanoUsd);
        },
        { before: [segment], after: [batchNo, submission] },
      );
      const settled = changed.length === done.length ? done : those(done, changed);
      const sums = sumOf(settled);
      const moves = new Moves();
      moves.move('submitted', 'done', settled.length);
      await moves.write(transaction, batchNo, sums);
      await addCost(transaction, submission, sums.cost_nano_usd);
      return settled.length;
    });
  };
}

function those(done: readonly DoneItem[], changed: readonly Settled[]): readonly DoneItem[] {
  const left = new Set(changed.map(({ seq }) => seq));
  // Of two of one item the first counts.
  return done.filter(({ seq }) => left.delete(seq));
}

function compileUpdate(database: Kysely<Database>, rows: number): CompiledQuery<Settled> {
  const first = sql.join(Array.from({ length: 5 }, () => sql`cast(${null} as bigint)`));
  const other = sql.join(Array.from({ length: 5 }, () => sql`${null}`));
  const values = sql.join(Array.from({ length: rows }, (_, row) => sql`(${row === 0 ? first : other})`));
  return sql<Settled>`
    update intermodal_item set
      state = ${sql.lit(itemStateCodes.done)},
      attempts = attempts + 1,
      error = null,
      segment = cast(${0} as bigint),
      result_at = column2,
      result_bytes = column3,
      cost_nano_usd = column4,
      list_nano_usd = column5
    from (values ${values}) as given
    where seq = column1 and batch_no = ${0} and submission = ${''}
      and state = ${sql.lit(itemStateCodes.submitted)}
    returning seq`.compile(database);
}

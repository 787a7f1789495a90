/**
 * What a batch's own row counts and sums of its items, changed in the transaction that changes them. The row is locked first: writers
 * of one batch take turns, and none of them waits for another that waits for it.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { type ItemState, itemStates } from '../../batch/contract.ts';
import type { Database } from '../database.ts';
import type { Differences } from '../differences.ts';
import { countColumns } from './item-states.ts';
import type { BatchTable } from './tables.ts';

export type LockedBatch = Pick<
  BatchTable,
  'state' | 'assembled_lines' | 'problems' | 'twin_items' | 'dead_items'
>;

export function lockBatch(
  transaction: Kysely<Database>,
  { lockRow }: Differences,
  no: number,
): Promise<LockedBatch | undefined> {
  return transaction
    .selectFrom('intermodal_batch')
    .select(['state', 'assembled_lines', 'problems', 'twin_items', 'dead_items'])
    .where('no', '=', no)
    .modifyEnd(lockRow)
    .executeTakeFirst();
}

/** Sums of a batch that only grow. */
const sumColumns = [
  'twins',
  'reused',
  'prefiltered',
  'repaired',
  'estimate_nano_usd',
  'cost_nano_usd',
  'list_nano_usd',
  'input_tokens',
  'cache_read_tokens',
  'output_tokens',
  'reasoning_tokens',
] as const satisfies readonly (keyof BatchTable)[];

export type BatchSums = Partial<Record<(typeof sumColumns)[number], number>>;

/** How many items came into a state, less those that left it. */
export class Moves {
  readonly #moved = new Map<ItemState, number>();

  into(state: ItemState, items = 1): void {
    this.#moved.set(state, (this.#moved.get(state) ?? 0) + items);
  }

  move(from: ItemState, to: ItemState, items = 1): void {
    this.into(from, -items);
    this.into(to, items);
  }

  /** Null where nothing changed: such a transaction leaves the row alone. */
  async write(
    transaction: Kysely<Database>,
    no: number,
    sums: BatchSums = {},
    rest: Partial<BatchTable> = {},
  ): Promise<void> {
    const set: Record<string, RawBuilder<number>> = {};
    for (const state of itemStates) add(set, countColumns[state], this.#moved.get(state) ?? 0);
    for (const column of sumColumns) add(set, column, sums[column] ?? 0);
    const changes = { ...set, ...rest };
    if (Object.keys(changes).length === 0) return;
    await transaction.updateTable('intermodal_batch').set(changes).where('no', '=', no).execute();
  }
}

/** The number is a parameter, so that the statement is the same whatever it is. */
function add(set: Record<string, RawBuilder<number>>, column: keyof BatchTable, by: number): void {
  if (by !== 0) set[column] = sql`${sql.ref(column)} + ${by}`;
}

/** All in which the SQL of the two kinds differs; each has them in its `dialect.ts`. */
import type { Expression, RawBuilder, SqlBool } from 'kysely';

export interface Differences {
  /** The type of a column of text, compared byte by byte. */
  readonly text: RawBuilder<unknown>;
  /** The type of a column of bytes. */
  readonly bytes: RawBuilder<unknown>;
  /** How a table ends that is found by its primary key alone. */
  readonly keyedTable: RawBuilder<unknown>;
  /** Whether a row of the ledger has exactly this tag. */
  hasTag(tag: string): Expression<SqlBool>;
  /** Ends a select of one row that this transaction is about to change: others wait for it. */
  readonly lockRow: RawBuilder<unknown>;
  /** Ends a select of rows to take: those that others are taking are passed over. */
  readonly takeRows: RawBuilder<unknown>;
}

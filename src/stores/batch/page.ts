/** Pages of lists that are read from the newest on, or from the oldest, forwards and backwards. */
import type { Page, Paged } from '../../batch/desk/contract.ts';

type Direction = 'asc' | 'desc';

/** A page may be no longer, however long a caller asks for one. */
const mostRows = 1000;

export interface PageSource<Row, Cursor> {
  /** Where the row of that id stands; a row that is not listed any more still stands somewhere. */
  cursor(id: string): Promise<Cursor | undefined>;
  /** Rows beyond the cursor, in the direction. */
  rows(direction: Direction, cursor: Cursor | undefined, limit: number): Promise<readonly Row[]>;
}

/** After or before an id that is not there, there is nothing. */
export async function readPage<Row, Cursor>(
  page: Page & { readonly ascending?: boolean },
  source: PageSource<Row, Cursor>,
): Promise<Paged<Row>> {
  const backwards = page.after === undefined && page.before !== undefined;
  const id = page.after ?? page.before;
  const cursor = id === undefined ? undefined : await source.cursor(id);
  if (id !== undefined && cursor === undefined) return { data: [], hasMore: false };
  const limit = Math.max(0, Math.min(page.limit, mostRows));
  const ascending = (page.ascending === true) !== backwards;
  // One more than asked for tells whether there are more.
  const rows = await source.rows(ascending ? 'asc' : 'desc', cursor, limit + 1);
  const data = rows.slice(0, limit);
  return { data: backwards ? data.toReversed() : data, hasMore: rows.length > limit };
}

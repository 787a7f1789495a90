/** Rows and their bodies, put together. */
import type { Kysely } from 'kysely';
import type { QueuedRequest } from '../../queue/contract.ts';
import type { Database } from '../database.ts';
import { readRow } from './row.ts';
import type { QueuedTable } from './tables.ts';

/** Each is one of a few shapes of statement, which SQLite keeps prepared. */
const atOnce = 50;

/** In the order of the rows. One that was pruned meanwhile is left out. */
export async function withBodies(
  database: Kysely<Database>,
  rows: readonly QueuedTable[],
): Promise<readonly QueuedRequest[]> {
  const bodies = new Map<string, Uint8Array>();
  for (let at = 0; at < rows.length; at += atOnce) {
    const ids = rows.slice(at, at + atOnce).map(({ id }) => id);
    const found = await database
      .selectFrom('intermodal_queued_body')
      .selectAll()
      .where('id', 'in', ids)
      .execute();
    for (const { id, body } of found) bodies.set(id, body);
  }
  return rows.flatMap((row) => {
    const body = bodies.get(row.id);
    return body === undefined ? [] : [readRow(row, body)];
  });
}

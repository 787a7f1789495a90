/** The marks on either kind of store. Of two marks of one name the later one holds: a window is written by one process. */
import type { Mark, MarkStore } from './contract.ts';
import type { Connection } from './database.ts';

/** Three parameters each: far from what either kind takes in one statement. */
const chunkRows = 1000;

export function createMarkStore({ database }: Connection): MarkStore {
  return {
    async write(marks) {
      // Postgres refuses to write a row twice in one statement.
      const latest = [...new Map(marks.map((mark) => [mark.name, mark])).values()];
      if (latest.length === 0) return;
      await database.transaction().execute(async (transaction) => {
        for (let at = 0; at < latest.length; at += chunkRows) {
          await transaction
            .insertInto('intermodal_mark')
            .values(latest.slice(at, at + chunkRows).map(writeRow))
            .onConflict((conflict) =>
              conflict.column('name').doUpdateSet((row) => ({
                nano_usd: row.ref('excluded.nano_usd'),
                expires_at_ms: row.ref('excluded.expires_at_ms'),
              })),
            )
            .execute();
        }
      });
    },

    async read(nowMs) {
      // Every window has a name of its own, so the old ones would stay for ever.
      await database.deleteFrom('intermodal_mark').where('expires_at_ms', '<', nowMs).execute();
      const rows = await database.selectFrom('intermodal_mark').selectAll().orderBy('name').execute();
      return rows
        .filter((row) => row.expires_at_ms >= nowMs)
        .map((row) => ({ name: row.name, nanoUsd: row.nano_usd, expiresAtMs: row.expires_at_ms }));
    },
  };
}

function writeRow(mark: Mark): { name: string; nano_usd: number; expires_at_ms: number } {
  return { name: mark.name, nano_usd: mark.nanoUsd, expires_at_ms: mark.expiresAtMs };
}

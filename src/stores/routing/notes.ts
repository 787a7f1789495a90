/** Notes on either kind of store. */
import type { Connection } from '../database.ts';
import type { Note, NoteStore } from './contract.ts';
import type { NoteTable } from './tables.ts';

export function createNoteStore({ database }: Connection): NoteStore {
  return {
    async read(name) {
      const row = await database
        .selectFrom('intermodal_note')
        .selectAll()
        .where('name', '=', name)
        .executeTakeFirst();
      return row === undefined ? undefined : readRow(row);
    },

    async list(prefix) {
      // Text is compared byte by byte, and no name holds a code point this high.
      const rows = await database
        .selectFrom('intermodal_note')
        .selectAll()
        .where('name', '>=', prefix)
        .where('name', '<', `${prefix}\u{10ffff}`)
        .orderBy('name')
        .execute();
      return rows.map(readRow);
    },

    async write(name, value, from, atMs) {
      const row = { version: from + 1, value: JSON.stringify(value), at_ms: atMs };
      if (from === 0) {
        const added = await database
          .insertInto('intermodal_note')
          .values({ name, ...row })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .executeTakeFirst();
        return Number(added.numInsertedOrUpdatedRows ?? 0) === 1;
      }
      const changed = await database
        .updateTable('intermodal_note')
        .set(row)
        .where('name', '=', name)
        .where('version', '=', from)
        .executeTakeFirst();
      return Number(changed.numUpdatedRows) === 1;
    },

    async remove(name) {
      await database.deleteFrom('intermodal_note').where('name', '=', name).execute();
    },
  };
}

function readRow(row: NoteTable): Note {
  return { name: row.name, version: row.version, value: JSON.parse(row.value), atMs: row.at_ms };
}

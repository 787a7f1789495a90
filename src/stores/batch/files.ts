/** The rows of files on either kind of store. Their bytes are in the blobs. */
import type { StoredFile } from '../../batch/contract.ts';
import type { Connection } from '../database.ts';
import { storable } from '../ledger-row.ts';
import type { FileRows } from './contract.ts';
import { readPage } from './page.ts';
import type { FileTable } from './tables.ts';

export function createFileRows({ database }: Connection): FileRows {
  const unexpired = (nowMs: number) =>
    database
      .selectFrom('intermodal_file')
      .where((row) => row.or([row('expires_at_ms', 'is', null), row('expires_at_ms', '>', nowMs)]));
  return {
    async create(file) {
      await database
        .insertInto('intermodal_file')
        .values(writeRow(file))
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
    },

    async get(owner, id, nowMs) {
      const row = await unexpired(nowMs)
        .selectAll()
        .where('id', '=', storable(id))
        .where('owner', '=', storable(owner))
        .executeTakeFirst();
      return row === undefined ? undefined : readRow(row);
    },

    list: (owner, page, nowMs) =>
      readPage(page, {
        cursor: (id) =>
          database
            .selectFrom('intermodal_file')
            .select(['id', 'created_at_ms'])
            .where('id', '=', storable(id))
            .where('owner', '=', storable(owner))
            .executeTakeFirst(),
        async rows(direction, cursor, limit) {
          let query = unexpired(nowMs)
            .selectAll()
            .where('owner', '=', storable(owner))
            .orderBy('created_at_ms', direction)
            .orderBy('id', direction)
            .limit(limit);
          if (page.purpose !== undefined) query = query.where('purpose', '=', storable(page.purpose));
          if (cursor !== undefined) {
            query = query.where(({ eb, refTuple, tuple }) =>
              eb(
                refTuple('created_at_ms', 'id'),
                direction === 'desc' ? '<' : '>',
                tuple(cursor.created_at_ms, cursor.id),
              ),
            );
          }
          return (await query.execute()).map(readRow);
        },
      }),

    async remove(owner, id) {
      const { numDeletedRows } = await database
        .deleteFrom('intermodal_file')
        .where('id', '=', storable(id))
        .where('owner', '=', storable(owner))
        .executeTakeFirstOrThrow();
      return numDeletedRows === 1n;
    },

    async expired(nowMs, limit) {
      const rows = await database
        .selectFrom('intermodal_file')
        .selectAll()
        .where('expires_at_ms', '<=', nowMs)
        .orderBy('expires_at_ms')
        .limit(limit)
        .execute();
      return rows.map(readRow);
    },
  };
}

function writeRow(file: StoredFile): FileTable {
  return {
    id: file.id,
    owner: storable(file.owner),
    filename: storable(file.filename),
    purpose: storable(file.purpose),
    bytes: file.bytes,
    blob: file.blob,
    created_at_ms: file.createdAtMs,
    expires_at_ms: file.expiresAtMs ?? null,
  };
}

function readRow(row: FileTable): StoredFile {
  return {
    id: row.id,
    owner: row.owner,
    filename: row.filename,
    purpose: row.purpose,
    bytes: row.bytes,
    blob: row.blob,
    createdAtMs: row.created_at_ms,
    ...(row.expires_at_ms === null ? {} : { expiresAtMs: row.expires_at_ms }),
  };
}

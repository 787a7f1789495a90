/**
 * Brings the tables of a store up to date. Any number of processes may start at once: each migration runs in one
 * transaction that locks the others out (an advisory lock on Postgres, the write lock on SQLite).
 */
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Connection } from './database.ts';
import { migrationsFor } from './migrations.ts';
import { StoreError } from './store-error.ts';

const table = 'intermodal_migration';

export async function migrate(connection: Connection): Promise<void> {
  const { database, differences, shown } = connection;
  const migrations = migrationsFor(differences);
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => migrations },
    migrationTableName: table,
    migrationLockTableName: `${table}_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const unknown = (await namesIn(connection)).filter((name) => migrations[name] === undefined);
  if (unknown.length > 0) {
    throw new StoreError(
      `The store ${shown} was written by a newer version (it has ${unknown.join(', ')}). Upgrade intermodal, or name another store.`,
    );
  }
  const reason = error instanceof Error ? error.message : String(error);
  throw new StoreError(
    `The tables of the store ${shown} cannot be made: ${reason}. Mend that, or name another store; nothing was changed.`,
    error,
  );
}

/** What was run on this store, by whatever version; nothing where that cannot be read. */
async function namesIn({ database }: Connection): Promise<readonly string[]> {
  try {
    const { rows } = await sql<{ name: string }>`select name from ${sql.table(table)}`.execute(database);
    return rows.map((row) => row.name);
  } catch {
    // The table may be what is broken; the migrator's own error tells more.
    return [];
  }
}

/**
 * Brings the tables of a store up to date. Any number of processes may start at once: each migration runs in one
 * transaction that locks the others out (an advisory lock on Postgres, the write lock on SQLite).
 *
 * Gateways are upgraded one by one, so versions share a store: a migration only adds, and an older version works on a store that is ahead
 * of it. One that cannot be shared has a name that ends in `-breaking`, which older versions know to refuse.
 */
import { sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Connection } from './database.ts';
import { migrationsFor } from './migrations.ts';
import { StoreError } from './store-error.ts';

const table = 'intermodal_migration';
const breaking = '-breaking';

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
  const done = await namesIn(connection);
  const unknown = done.filter((name) => migrations[name] === undefined);
  const isAhead = unknown.length > 0 && Object.keys(migrations).every((name) => done.includes(name));
  if (isAhead && !unknown.some((name) => name.endsWith(breaking))) return;
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

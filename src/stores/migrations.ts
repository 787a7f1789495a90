/** The history of the tables. A migration that was released is never edited: the next one mends it. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { createBatchTables } from './batch/migration.ts';
import type { Differences } from './differences.ts';
import { createQueueTables } from './queue/tables.ts';
import { createRoutingTables } from './routing/tables.ts';

export function migrationsFor(differences: Differences): Record<string, Migration> {
  return {
    '0001-first': { up: (database) => createTables(database, differences) },
    '0002-batch': { up: (database) => createBatchTables(database, differences) },
    '0003-routing': { up: (database) => createRoutingTables(database, differences) },
    '0004-queue': { up: (database) => createQueueTables(database, differences) },
  };
}

async function createTables(database: Kysely<unknown>, { text, keyedTable }: Differences): Promise<void> {
  await database.schema
    .createTable('intermodal_ledger')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('request_id', text, (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('key_name', text)
    .addColumn('team', text)
    .addColumn('route', text, (column) => column.notNull())
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('model', text, (column) => column.notNull())
    .addColumn('mode', text, (column) => column.notNull())
    .addColumn('outcome', text, (column) => column.notNull())
    .addColumn('code', text)
    .addColumn('stream', 'smallint', (column) => column.notNull())
    .addColumn('tags', text)
    .addColumn('input_tokens', 'bigint')
    .addColumn('cache_read_tokens', 'bigint')
    .addColumn('cache_write_tokens', 'bigint')
    .addColumn('output_tokens', 'bigint')
    .addColumn('reasoning_tokens', 'bigint')
    .addColumn('cost_nano_usd', 'bigint', (column) => column.notNull())
    .addColumn('list_nano_usd', 'bigint', (column) => column.notNull())
    .addColumn('exact', 'smallint', (column) => column.notNull())
    .addColumn('duration_ms', 'bigint', (column) => column.notNull())
    .modifyEnd(keyedTable)
    .execute();
  // One index, since each costs every append: a question about money has a time in it, and a list is by time.
  await database.schema
    .createIndex('intermodal_ledger_at')
    .on('intermodal_ledger')
    .columns(['at_ms', 'id'])
    .execute();

  await database.schema
    .createTable('intermodal_key')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .addColumn('team', text)
    .addColumn('admin', 'smallint', (column) => column.notNull())
    .addColumn('routes', text)
    .addColumn('limits', text, (column) => column.notNull())
    .addColumn('budgets', text, (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint')
    .addColumn('revoked_at_ms', 'bigint')
    .modifyEnd(keyedTable)
    .execute();
  await database.schema
    .createIndex('intermodal_key_live_name')
    .unique()
    .on('intermodal_key')
    .column('name')
    .where(sql.ref('revoked_at_ms'), 'is', null)
    .execute();

  await database.schema
    .createTable('intermodal_key_version')
    .addColumn('version', 'bigint', (column) => column.notNull())
    .execute();
  await sql`insert into intermodal_key_version (version) values (0)`.execute(database);

  await database.schema
    .createTable('intermodal_mark')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('nano_usd', 'bigint', (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .modifyEnd(keyedTable)
    .execute();
}

/** Where Postgres's SQL is its own. */
import { sql } from 'kysely';
import type { Differences } from '../differences.ts';

export const postgresDifferences: Differences = {
  // The database's own collation would order names otherwise than SQLite does, and compare them more slowly.
  text: sql`text collate "C"`,
  bytes: sql`bytea`,
  keyedTable: sql``,
  hasTag: (tag) => sql`tags::jsonb ? ${tag}`,
  lockRow: sql`for update`,
  takeRows: sql`for update skip locked`,
};

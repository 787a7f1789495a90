/** The tables of what routing keeps. */
import type { Kysely } from 'kysely';
import type { Differences } from '../differences.ts';
import type { Label } from './contract.ts';

export interface LabelTable {
  id: string;
  route: string;
  at_ms: number;
  kind: Label['kind'];
  cheap: string;
  strong: string;
  confidence: number | null;
  agreed: number;
  cheap_nano_usd: number;
  strong_nano_usd: number;
  features: string | null;
}

export interface NoteTable {
  name: string;
  version: number;
  /** JSON. */
  value: string;
  at_ms: number;
}

export interface RoutingDatabase {
  intermodal_label: LabelTable;
  intermodal_note: NoteTable;
}

export async function createRoutingTables(
  database: Kysely<unknown>,
  { text, keyedTable }: Differences,
): Promise<void> {
  await database.schema
    .createTable('intermodal_label')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('route', text, (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('cheap', text, (column) => column.notNull())
    .addColumn('strong', text, (column) => column.notNull())
    .addColumn('confidence', 'double precision')
    .addColumn('agreed', 'smallint', (column) => column.notNull())
    .addColumn('cheap_nano_usd', 'bigint', (column) => column.notNull())
    .addColumn('strong_nano_usd', 'bigint', (column) => column.notNull())
    .addColumn('features', text)
    .modifyEnd(keyedTable)
    .execute();
  await database.schema
    .createIndex('intermodal_label_route')
    .on('intermodal_label')
    .columns(['route', 'at_ms', 'id'])
    .execute();
  await database.schema
    .createTable('intermodal_note')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('value', text, (column) => column.notNull())
    .addColumn('at_ms', 'bigint', (column) => column.notNull())
    .modifyEnd(keyedTable)
    .execute();
}

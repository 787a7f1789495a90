/** The ledger on either kind of store. */
import { setImmediate } from 'node:timers/promises';
import { type CompiledQuery, type Kysely, sql } from 'kysely';
import type { Ledger, LedgerEntry } from './contract.ts';
import type { Connection, Database, LedgerTable } from './database.ts';
import { ledgerColumns, pushValues, readRow } from './ledger-row.ts';
import { matching, spend, usage } from './spend.ts';

/**
 * Rows in one statement, largest first. Each statement is compiled once; a batch of any size is cut into these. Beyond
 * 500 rows nothing is gained, and Postgres takes at most 65,535 parameters, SQLite 32,766.
 */
const chunkSizes = [500, 50, 5, 1] as const;

/** Rows that one delete takes: short enough that other writers of the same file hardly notice. */
const pruneRows = 2000;

export function createLedger({ database, differences }: Connection): Ledger {
  const inserts = chunkSizes.map((rows) => ({ rows, query: compileInsert(database, rows) }));

  return {
    async append(entries) {
      const queries = cut(latest(entries), inserts);
      const [first] = queries;
      if (first === undefined) return;
      // A statement is whole by itself, and a transaction two more round trips.
      if (queries.length === 1) {
        await database.executeQuery(first);
        return;
      }
      await database.transaction().execute(async (transaction) => {
        for (const query of queries) await transaction.executeQuery(query);
      });
    },

    spend: (filter, groups, limit) => spend(database, differences, filter, groups, limit),

    usage: (filter) => usage(database, differences, filter),

    async list(filter, limit) {
      const rows = await database
        .selectFrom('intermodal_ledger')
        .selectAll()
        .where(matching(differences, filter))
        .orderBy('at_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(readRow);
    },

    async prune(beforeMs) {
      let deleted = 0;
      // Ends: each round deletes what it finds, and what ends from now on is not before that time.
      for (;;) {
        const { numDeletedRows } = await database
          .deleteFrom('intermodal_ledger')
          .where('id', 'in', (rows) =>
            rows
              .selectFrom('intermodal_ledger')
              .select('id')
              .where('at_ms', '<', beforeMs)
              .orderBy('at_ms')
              .limit(pruneRows),
          )
          .executeTakeFirstOrThrow();
        deleted += Number(numDeletedRows);
        if (numDeletedRows === 0n) return deleted;
        // SQLite answers in the same turn, and requests must be served between the rounds.
        await setImmediate();
      }
    },
  };
}

/** Postgres refuses to write a row twice in one statement. */
function latest(entries: readonly LedgerEntry[]): readonly LedgerEntry[] {
  const byId = new Map<string, LedgerEntry>();
  for (const entry of entries) byId.set(entry.id, entry);
  return byId.size === entries.length ? entries : [...byId.values()];
}

interface Insert {
  readonly rows: number;
  readonly query: CompiledQuery;
}

function cut(entries: readonly LedgerEntry[], inserts: readonly Insert[]): readonly CompiledQuery[] {
  const queries: CompiledQuery[] = [];
  let at = 0;
  for (const { rows, query } of inserts) {
    while (entries.length - at >= rows) {
      const parameters: (string | number | null)[] = [];
      for (const entry of entries.slice(at, at + rows)) pushValues(entry, parameters);
      queries.push({ ...query, parameters });
      at += rows;
    }
  }
  return queries;
}

/** The values are only there to be counted; each append brings its own. */
const blank: LedgerTable = {
  id: '',
  request_id: '',
  at_ms: 0,
  key_name: null,
  team: null,
  route: '',
  provider: '',
  model: '',
  mode: 'sync',
  outcome: 'served',
  code: null,
  stream: 0,
  tags: null,
  input_tokens: null,
  cache_read_tokens: null,
  cache_write_tokens: null,
  output_tokens: null,
  reasoning_tokens: null,
  cost_nano_usd: 0,
  list_nano_usd: 0,
  exact: 0,
  duration_ms: 0,
  items: null,
  rough_input_tokens: null,
};

function compileInsert(database: Kysely<Database>, rows: number): CompiledQuery {
  return database
    .insertInto('intermodal_ledger')
    .values(Array.from({ length: rows }, () => blank))
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet((update) =>
          Object.fromEntries(
            ledgerColumns
              .filter((column) => column !== 'id')
              .map((column) => [column, update.ref(`excluded.${column}`)]),
          ),
        )
        // Who was taken for dead may have written down himself how it ended.
        .where(sql<boolean>`excluded.outcome <> 'unknown'`),
    )
    .compile();
}

/** A Postgres database, by a pool of its own. */
import { Kysely, PostgresDialect } from 'kysely';
import { Pool, TypeOverrides, types } from 'pg';
import type { Connection, Database } from '../database.ts';
import { StoreError } from '../store-error.ts';
import { postgresDifferences } from './dialect.ts';

/** Appends are batched and keys are asked for in one query: more would only take from what a small server allows. */
const maxConnections = 4;
const connectTimeoutMs = 5000;
/** A sum over a large ledger takes seconds; a connection that a firewall forgot takes for ever. */
const queryTimeoutMs = 60_000;
/**
 * A query that timed out gives its connection back as if it were sound. Age ends it; younger would only mean more
 * handshakes, older that a dead one is asked more often.
 */
const maxLifetimeSeconds = 600;
/** Less than the five minutes after which common firewalls forget a silent connection. */
const keepAliveInitialDelayMillis = 60_000;

export async function connectPostgres(url: string): Promise<Connection> {
  const shown = showAddress(url);
  const overrides = new TypeOverrides();
  // Times, counts and nano-dollars are below 2^53. Here alone: another user of the package may want the text.
  overrides.setTypeParser(types.builtins.INT8, Number);
  const pool = new Pool({
    connectionString: url,
    types: overrides,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    maxLifetimeSeconds,
    keepAlive: true,
    keepAliveInitialDelayMillis,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {});
  try {
    await pool.query('select 1');
  } catch (thrown) {
    await pool.end();
    throw new StoreError(
      `The store ${shown} cannot be reached: ${reasonOf(thrown)}. See that Postgres runs there and that user, password and database are right.`,
      thrown,
    );
  }
  return {
    database: new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }),
    differences: postgresDifferences,
    shown,
  };
}

/** Neither the password nor the options, of which one may be a password. */
function showAddress(url: string): string {
  if (!URL.canParse(url)) {
    // The cause is left out: it would hold the whole address.
    throw new StoreError(
      'The store is not an address of Postgres. Write postgres://user:password@host:5432/database, with special characters of the password percent-encoded.',
    );
  }
  const { host, pathname, username } = new URL(url);
  return `postgres://${username === '' ? '' : `${username}@`}${host}${pathname}`;
}

function reasonOf(thrown: unknown): string {
  // A name with several addresses fails with one error for each, and no message of its own.
  if (thrown instanceof AggregateError) return thrown.errors.map(reasonOf).join('; ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}

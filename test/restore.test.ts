/**
 * Backups by the very commands of docs/operate-it.md, and what a restored store knows: what a provider has is found again, what was done since
 * is not. On SQLite, and on Postgres where its own tools are on PATH and new enough.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { asArray, asObject, asString } from '../src/core/json.ts';
import { type Simulator, startSimulator } from '../src/simulator/server.ts';
import { until } from './support/batch-road.ts';
import { root } from './support/deploy.ts';
import { type RunningPostgres, startPostgres } from './support/postgres.ts';

const page = readFileSync(join(root, 'docs/operate-it.md'), 'utf8');
/** The one line of the page that calls that program. */
function commandOf(program: string): string {
  const lines = page
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(`${program} `));
  assert.equal(lines.length, 1, `${program} on the page`);
  return lines[0] ?? '';
}

interface Kind {
  readonly name: string;
  readonly skip: string | false;
  start(folder: string): Promise<{ readonly url: string; stop(): Promise<void> }>;
  backup(folder: string, url: string): void;
  restore(folder: string, url: string): void;
}

function shell(command: string, cwd: string): void {
  const { status, stderr } = spawnSync('bash', ['-c', command], { cwd, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** The tools of a version older than the server's refuse to work. */
function tooOld(program: string, least: number): string | false {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (status !== 0)
    return `${program} is not on PATH; install it (Debian: apt-get install postgresql-client)`;
  const version = Number(/(\d+)/.exec(stdout)?.[1]);
  return version < least && `${program} ${version} is older than the server, ${least}`;
}

const inPlace = 'postgres://intermodal@db.internal/intermodal';
const kinds: readonly Kind[] = [
  {
    name: 'SQLite',
    skip:
      spawnSync('sqlite3', ['--version']).status !== 0 &&
      'sqlite3 is not on PATH; install it (Debian: apt-get install sqlite3)',
    start: async (folder) => ({ url: join(folder, 'intermodal.db'), stop: async () => {} }),
    backup: (folder) => shell(commandOf('sqlite3'), folder),
    restore(folder) {
      mkdirSync(join(folder, 'away'), { recursive: true });
      for (const name of ['intermodal.db', 'intermodal.db-wal', 'intermodal.db-shm'])
        renameSync(join(folder, name), join(folder, 'away', name));
      renameSync(join(folder, 'intermodal-backup.db'), join(folder, 'intermodal.db'));
    },
  },
  {
    name: 'Postgres',
    skip: tooOld('pg_dump', 18),
    async start() {
      const postgres: RunningPostgres | string = await startPostgres();
      assert.ok(typeof postgres !== 'string', String(postgres));
      return { url: await postgres.fresh(), stop: () => postgres.stop() };
    },
    backup: (folder, url) => shell(commandOf('pg_dump').replace(inPlace, url), folder),
    restore: (folder, url) => shell(commandOf('pg_restore').replace(inPlace, url), folder),
  },
];

for (const kind of kinds)
  describe(`a store restored on ${kind.name}`, { skip: kind.skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'intermodal-restore-'));
    const config = join(folder, 'gateway.yaml');
    let store: Awaited<ReturnType<Kind['start']>>;
    let simulator: Simulator;
    let gateway: ChildProcess | undefined;
    let url = '';

    before(async () => {
      store = await kind.start(folder);
      // Longer than this test takes: they end when it says so.
      simulator = await startSimulator();
      simulator.setFaults({ batches: [{ duration_ms: 3_600_000 }] });
      writeFileSync(
        config,
        JSON.stringify({
          server: { port: 0 },
          store: store.url,
          batch: { blobs: join(folder, 'blobs'), poll: ['200ms'], retry: ['200ms'], lease: '2s' },
          providers: { openai: { type: 'openai', api_key: 'k', base_url: `${simulator.url}/~openai/v1` } },
          routes: { nightly: { chain: ['openai/gpt-4.1-nano@batch', 'openai/gpt-4.1-nano'] } },
        }),
      );
    });
    after(async () => {
      gateway?.kill('SIGKILL');
      await simulator.close();
      await store.stop();
      rmSync(folder, { recursive: true });
    });

    const cli = (...args: readonly string[]): string => {
      const all = ['src/main.ts', ...args, '--config', config];
      const { status, stdout, stderr } = spawnSync(process.execPath, all, { cwd: root, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return stdout.trim();
    };

    async function start(): Promise<void> {
      const child = spawn(process.execPath, ['src/main.ts', 'serve', '--config', config, '--json'], {
        cwd: root,
      });
      gateway = child;
      url = await new Promise((resolve, reject) => {
        let printed = '';
        const hear = (chunk: unknown): void => {
          printed += String(chunk);
          const found = /\{"url":"([^"]+)"/.exec(printed)?.[1];
          if (found !== undefined) resolve(found);
        };
        child.stdout.on('data', hear);
        child.stderr.on('data', hear);
        child.once('exit', () => reject(new Error(`serve ended: ${printed}`)));
      });
    }

    /** Lost with its machine. */
    async function lose(): Promise<void> {
      const child = gateway;
      assert.ok(child);
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGKILL');
      await gone;
    }

    async function ask(key: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
      const answer = await fetch(`${url}${path}`, {
        headers: { authorization: `Bearer ${key}` },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: await answer.json() };
    }

    async function submit(key: string, name: string): Promise<string> {
      const endpoint = '/v1/chat/completions';
      const requests = ['a', 'b', 'c'].map((id) => ({
        custom_id: id,
        method: 'POST',
        url: endpoint,
        body: { model: 'nightly', messages: [{ role: 'user', content: `${name} ${id}` }] },
      }));
      const { status, body } = await ask(key, '/v1/batches', {
        endpoint,
        completion_window: '24h',
        requests,
      });
      assert.equal(status, 200, JSON.stringify(body));
      return asString(asObject(body)['id']) ?? '';
    }

    const jobs = async (): Promise<number> =>
      asArray(asObject(await (await fetch(`${simulator.url}/~simulator/jobs`)).json())['jobs']).length;
    const seen = (count: number) => until(jobs, (now) => now === count);
    const stateOf = async (key: string, id: string): Promise<unknown> =>
      asObject((await ask(key, `/v1/batches/${id}`)).body)['status'];

    test('knows what was there, and not what came after', async () => {
      const first = cli('keys', 'create', '--name', 'first');
      await start();
      const found = await submit(first, 'found');
      await seen(1);

      kind.backup(folder, store.url);
      cpSync(join(folder, 'blobs'), join(folder, 'blobs-backup'), { recursive: true });

      const second = cli('keys', 'create', '--name', 'second');
      const lost = await until(
        () => submit(second, 'lost').catch(() => ''),
        (id) => id !== '',
      );
      await seen(2);
      cli('keys', 'revoke', 'first');
      await until(
        async () => (await ask(first, '/v1/batches')).status,
        (status) => status === 401,
      );
      await lose();

      rmSync(join(folder, 'blobs'), { recursive: true });
      cpSync(join(folder, 'blobs-backup'), join(folder, 'blobs'), { recursive: true });
      kind.restore(folder, store.url);
      await start();

      // Revoked since, and valid again; made since, and gone.
      assert.equal((await ask(second, `/v1/batches/${lost}`)).status, 401);
      assert.equal((await ask(first, `/v1/batches/${lost}`)).status, 404);
      assert.equal(await stateOf(first, found), 'in_progress');
      await simulator.finishJobs();
      await until(
        () => stateOf(first, found),
        (state) => state === 'completed',
      );
      assert.equal(await jobs(), 2, 'it was sent again');
      assert.equal(simulator.invoice().calls, 6, 'the lost ones were run and are paid');
      const known: unknown = JSON.parse(cli('spend', '--by', 'outcome', '--format', 'json'));
      assert.deepEqual(
        asArray(known).map((row) => asObject(row)['attempts']),
        [3],
      );
      await lose();
    });

    test('asks and pays again for what was collected since', async () => {
      await start();
      const key = cli('keys', 'create', '--name', 'third');
      const id = await until(
        () => submit(key, 'collected').catch(() => ''),
        (found) => found !== '',
      );
      await seen(3);
      kind.backup(folder, store.url);
      const before = simulator.invoice().calls;
      const end = async (): Promise<void> => {
        await until(
          async () => {
            await simulator.finishJobs();
            return stateOf(key, id);
          },
          (state) => state === 'completed',
        );
      };
      await end();
      assert.equal(simulator.invoice().calls, before + 3);
      await lose();
      kind.restore(folder, store.url);
      await start();
      assert.equal(await stateOf(key, id), 'in_progress');
      await end();
      assert.deepEqual([await jobs(), simulator.invoice().calls], [4, before + 6]);
      await lose();
    });
  });

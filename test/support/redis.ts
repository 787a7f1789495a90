/** A real Redis for tests: from PATH, on a free port, in a folder of its own, ended by its id. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Kills it with everything that it holds. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  /** Stops it in its tracks, and lets it go on. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export const redisMissing =
  spawnSync('redis-server', ['--version']).status === 0
    ? false
    : 'redis-server is not on PATH; install it (Debian: apt-get install redis-server) to run this';

export async function startRedis(): Promise<TestRedis> {
  return startServer(await freePort());
}

/** One server of several, on a port that was chosen before, with settings over ours. */
export async function startServer(port: number, settings: readonly string[] = []): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-redis-'));
  let child = await launch(port, folder, settings);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill: () => end(child),
    async restart() {
      child = await launch(port, folder, settings);
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async close() {
      child.kill('SIGCONT');
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function launch(port: number, folder: string, settings: readonly string[]): Promise<ChildProcess> {
  const usual = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  return spawnRedis([...usual, ...settings], 'Ready to accept connections');
}

/** `ready`: what it says once it can be asked. */
export function spawnRedis(settings: readonly string[], ready: string): Promise<ChildProcess> {
  const child = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes(ready)) resolve(child);
    });
  });
}

export function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

/** Ports that were found in this process: whoever has one may not listen yet. */
const given = new Set<number>();

/**
 * A port that nobody listens on, below those that the system hands out by itself: a Redis that a test has killed must find its port
 * free when it comes back, and not another test’s server on it.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error('no port was free in fifty tries');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

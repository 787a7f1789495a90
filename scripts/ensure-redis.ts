/**
 * Before the tests: the suites of shared limits run against a real redis-server. Found on PATH it costs nothing; else it is installed
 * where that needs no question (Debian, root); else one line says how to get it, and those suites skip with the same word. Never fails.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Machine {
  readonly path: string;
  readonly platform: string;
  /** Absent where there are no users of that kind. */
  readonly user: number | undefined;
  readonly say: (line: string) => void;
}

export type Found = 'there' | 'installed' | 'missing';

/** Both steps together. Longer than a slow mirror takes; a test run that hangs on an unreachable one is worse than a skipped suite. */
const mostMs = 120_000;
/** Debian’s tools lie here, and not on every PATH. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function ensureRedis(machine: Machine): Found {
  const { path, say } = machine;
  if (has('redis-server', path)) return 'there';
  if (mayInstall(machine)) {
    say('redis-server is not on PATH; it is installed with apt-get, which takes at most two minutes …');
    if (install(path) && has('redis-server', path)) return 'installed';
  }
  say(`redis-server is not on PATH, so the tests of shared limits skip. Get it: ${howTo(machine)}`);
  return 'missing';
}

function has(program: string, path: string): boolean {
  return path.split(delimiter).some((folder) => folder !== '' && isProgram(join(folder, program)));
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function mayInstall({ platform, user, path }: Machine): boolean {
  return platform === 'linux' && user === 0 && has('apt-get', path);
}

function install(path: string): boolean {
  const endsAtMs = Date.now() + mostMs;
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'],
  ]) {
    const leftMs = endsAtMs - Date.now();
    if (leftMs <= 0) return false;
    // Run level 1: the package brings a service that would otherwise listen on 6379 from now on.
    const { status } = spawnSync('apt-get', args, {
      env: {
        ...process.env,
        PATH: `${path}${delimiter}${systemPath}`,
        DEBIAN_FRONTEND: 'noninteractive',
        RUNLEVEL: '1',
      },
      stdio: 'ignore',
      timeout: leftMs,
      killSignal: 'SIGKILL',
    });
    if (status !== 0) return false;
  }
  return true;
}

function howTo({ platform }: Machine): string {
  if (platform === 'darwin') return 'brew install redis';
  if (platform === 'linux') return 'apt-get install redis-server, or your system’s own package.';
  return 'https://redis.io/docs/latest/operate/oss_and_stack/install/';
}

if (import.meta.main) {
  ensureRedis({
    path: process.env['PATH'] ?? '',
    platform: process.platform,
    user: process.getuid?.(),
    say: (line) => console.error(line),
  });
}

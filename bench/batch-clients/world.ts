/** What every flow is given: the gateway, two keys of it, all that callers were told, and the truth. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Scene } from '../road/scene.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const longestMs = 60_000;
const betweenMs = 60;

export interface World {
  readonly scene: Scene;
  readonly url: string;
  readonly key: string;
  /** Of somebody else. */
  readonly otherKey: string;
  /** Everything that a caller has seen, for the search for ids of providers. */
  readonly told: string[];
  /** A fetch that keeps what it was told. */
  readonly fetch: typeof fetch;
}

export function recording(told: string[]): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const text = await response.clone().text();
    told.push(`${[...response.headers].join('\n')}\n${text}`);
    return response;
  };
}

export async function until<T>(look: () => Promise<T>, done: (seen: T) => boolean): Promise<T> {
  const latest = performance.now() + longestMs;
  for (;;) {
    const seen = await look();
    if (done(seen)) return seen;
    if (performance.now() > latest)
      throw new Error(`waited ${longestMs} ms in vain: ${JSON.stringify(seen).slice(0, 300)}`);
    await pause(betweenMs);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const runCommand = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longestMs,
    });
    const [out, err]: Buffer[][] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out?.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err?.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        code,
        stdout: Buffer.concat(out ?? []).toString(),
        stderr: Buffer.concat(err ?? []).toString(),
      }),
    );
  });

/** Our own program. */
export const intermodal = (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran> =>
  runCommand(process.execPath, [main, ...args], env);

export async function makeKey(scene: Scene, name: string): Promise<string> {
  const { code, stdout, stderr } = await intermodal([
    'keys',
    'create',
    '--store',
    scene.storeFile,
    '--name',
    name,
  ]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

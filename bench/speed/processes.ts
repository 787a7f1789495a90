/** Starts what is measured, pins it to a core where the machine can, and reads its CPU time. */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const canPin = cpus().length > 1 && spawnSync('taskset', ['-V']).status === 0;
/** The kernel's USER_HZ: a tick of /proc/PID/stat. */
const tickUs = 10_000;

export const measuredCore = 0;
export const loadCore = 1;

export function pin(pid: number | undefined, core: number): void {
  if (canPin && pid !== undefined) spawnSync('taskset', ['-a', '-cp', String(core), String(pid)]);
}

/** User and system time so far, in µs, of a process and its children (nginx's workers). */
export function cpuUs(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((one) => one !== '');
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (
    (Number(fields[11]) + Number(fields[12])) * tickUs +
    children.reduce((sum, child) => sum + cpuUs(Number(child)), 0)
  );
}

export function residentMb(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}

/** Forks a file of this folder that reports `{port}` once it listens. */
export async function forkServer(
  file: URL,
  args: readonly string[],
  core: number,
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(file, [...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  pin(child.pid, core);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('exit', (code) => reject(new Error(`${file.pathname} ended with ${code}`)));
  });
  return { child, port };
}

/** Spawns a program and waits until its port answers. */
export async function spawnServer(
  command: string,
  args: readonly string[],
  port: number,
  core: number,
  env: NodeJS.ProcessEnv = {},
): Promise<ChildProcess> {
  const child = spawn(command, [...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2000);
  });
  for (let tries = 0; tries < 150; tries++) {
    if (child.exitCode !== null) break;
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      pin(child.pid, core);
      return child;
    } catch {
      // Not listening yet.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  child.kill('SIGKILL');
  throw new Error(`${command} did not start: ${complaint}`);
}

export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

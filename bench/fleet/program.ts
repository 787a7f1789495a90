/** Whole processes of ours, as an operator starts them, each ended by its own id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** A process that has not told its address by then never will. */
const startMs = 60_000;
/** The last of what it complained about: more than a stack, less than a flood. */
const mostComplaint = 20_000;

export interface Program {
  readonly url: string;
  readonly pid: number;
  complaint(): string;
  /** Whether it runs. */
  alive(): boolean;
  /** As a crash: nothing is flushed, nobody is told. */
  kill(): Promise<void>;
  /** As an operator: it may finish what it does. */
  stop(): Promise<void>;
}

/** `entry`: of another version of ours. */
export async function startProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  entry = main,
): Promise<Program> {
  const child = spawn(process.execPath, [entry, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let complaint = '';
  const keep = (chunk: Buffer): void => {
    complaint = `${complaint}${chunk}`.slice(-mostComplaint);
  };
  child.stderr.on('data', keep);
  try {
    const url = await addressOf(child, keep);
    return {
      url,
      pid: child.pid ?? 0,
      complaint: () => complaint,
      alive: () => child.exitCode === null && child.signalCode === null,
      kill: () => end(child, 'SIGKILL'),
      stop: () => end(child, 'SIGTERM'),
    };
  } catch (thrown) {
    await end(child, 'SIGKILL');
    throw new Error(`${args[0]} did not start: ${complaint}`, { cause: thrown });
  }
}

/** The first line is JSON with the address; whatever comes after it is log. */
function addressOf(child: ChildProcess, keep: (chunk: Buffer) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('it told no address in time')), startMs);
    let head = '';
    let told = false;
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (told) return keep(chunk);
      head += chunk;
      for (const line of head.split('\n').slice(0, -1)) {
        if (!line.startsWith('{"url"')) continue;
        told = true;
        clearTimeout(late);
        resolve(JSON.parse(line).url);
      }
    });
  });
}

/** A process that does not stop in time is killed. */
async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.once('exit', () => {
      clearTimeout(late);
      resolve();
    });
    child.kill(signal);
  });
}

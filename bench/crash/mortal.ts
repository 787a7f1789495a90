/** One life of a gateway that may end at any moment. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Break, Order } from './breaking.ts';

const entry = fileURLToPath(new URL('breaking.ts', import.meta.url));
/** On a machine that is busy with six others. */
const startMs = 60_000;
const mostComplaint = 20_000;

export interface Mortal {
  /** Absent where it was killed before it could tell. */
  readonly url: string | undefined;
  readonly dead: boolean;
  readonly pid: number;
  /** By its own hand, as it was told. */
  readonly killed: boolean;
  complaint(): string;
  /** Where it is to kill itself from now on; nowhere if left out. */
  arm(at?: Break): Promise<void>;
  /** How often it has passed each place since it was armed. */
  passed(): Promise<Readonly<Record<string, number>>>;
  /** With SIGKILL, now. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMortal(configFile: string, store: string, at?: Break): Promise<Mortal> {
  const child = spawn(process.execPath, [entry, configFile, store], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {
      ...process.env,
      // Starting anew is most of what this costs.
      NODE_COMPILE_CACHE: join(tmpdir(), 'intermodal-compiled'),
      ...(at === undefined ? {} : { CRASH_AT: JSON.stringify(at) }),
    },
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk}`.slice(-mostComplaint);
  });
  let dead = false;
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      dead = true;
      resolve();
    }),
  );
  const answer = <T>(): Promise<T | undefined> =>
    Promise.race([
      new Promise<T>((resolve) => child.once('message', (message) => resolve(Object(message)))),
      ended.then(() => undefined),
    ]);
  const ask = <T>(order: Order): Promise<T | undefined> => {
    const answered = answer<T>();
    if (!dead && child.connected) child.send(order, () => {});
    return answered;
  };
  const late = setTimeout(() => child.kill('SIGKILL'), startMs);
  const told = await answer<{ url: string }>();
  clearTimeout(late);
  if (told === undefined && child.signalCode !== 'SIGKILL')
    throw new Error(`The gateway did not start: ${complaint}`);
  return {
    url: told?.url,
    get dead() {
      return dead;
    },
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    get killed() {
      return child.signalCode === 'SIGKILL';
    },
    complaint: () => complaint,
    async arm(where) {
      await ask({ kind: 'arm', ...(where === undefined ? {} : { at: where }) });
    },
    passed: async () => (await ask<{ passed: Record<string, number> }>({ kind: 'tell' }))?.passed ?? {},
    async stop() {
      if (!dead) child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(hard);
    },
  };
}

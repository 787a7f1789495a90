/** Several "processes" that share limits through one Redis, in one test: each with a clock of its own and a link that can be cut. */
import { makeId } from '../../src/core/ids.ts';
import type { Charge, Demand, Limits, Verdict } from '../../src/limits/contract.ts';
import { MemoryLimits } from '../../src/limits/memory/limits.ts';
import { RedisLimits, type RedisOptions } from '../../src/limits/redis/limits.ts';
import { connectRedis, type RedisLink } from '../../src/limits/redis/scripts.ts';
import { createFakeClock, type FakeClock } from './clock.ts';

/** What goes wrong with the next commands. `unsent`: Redis never sees it. `unheard`: it does, and the answer is lost. */
export type Fault = 'unsent' | 'unheard';

export interface Process {
  readonly limits: RedisLimits;
  readonly clock: FakeClock;
  /** Orphans that it was told of, and other complaints. */
  readonly orphans: string[];
  readonly troubles: string[];
  /** Fails commands of one script, as many as there are faults. */
  readonly faults: Map<string, Fault[]>;
  /** As if the connection broke, though Redis lives. */
  cut(): void;
  mend(): void;
  /** As if the process died: nothing is said any more. */
  die(): void;
  reserve(parts?: Partial<Demand>): Promise<Verdict>;
}

export interface ProcessOptions extends Omit<Partial<RedisOptions>, 'clock'> {
  readonly clock?: FakeClock;
  readonly timeoutMs?: number;
}

let serial = 0;

export function startProcess(url: string, namespace: string, overrides: ProcessOptions = {}): Process {
  const { timeoutMs, clock = createFakeClock(), ...options } = overrides;
  const orphans: string[] = [];
  const troubles: string[] = [];
  const faults = new Map<string, Fault[]>();
  const real = connectRedis(url, timeoutMs);
  let down = false;
  let lost: () => void = () => {};
  let ready: () => void = () => {};
  const link: RedisLink = {
    async run(script, keys, args) {
      if (down) throw new Error('cut');
      const fault = faults.get(script)?.shift();
      if (fault === 'unsent') throw new Error('not sent');
      const answer = await real.run(script, keys, args);
      if (fault === 'unheard' || down) throw new Error('not heard');
      return answer;
    },
    hash: (key) => real.hash(key),
    async field(key, field) {
      if (down) throw new Error('cut');
      return real.field(key, field);
    },
    forget: (key, fields) => real.forget(key, fields),
    members: (key) => real.members(key),
    get connected() {
      return real.connected && !down;
    },
    onReady(callback) {
      ready = callback;
      real.onReady(callback);
    },
    onLost(callback) {
      lost = callback;
      real.onLost(callback);
    },
    close: () => real.close(),
  };
  const limits = new RedisLimits({
    alone: (firstParts): Limits => new MemoryLimits({ clock, firstParts }),
    makeId,
    namespace,
    ownTime: true,
    onOrphans: async (found) => void orphans.push(...found.map(({ id }) => id)),
    onTrouble: (_error, message) => void troubles.push(message),
    ...options,
    clock,
    link,
  });
  return {
    limits,
    clock,
    orphans,
    troubles,
    faults,
    cut() {
      down = true;
      lost();
    },
    mend() {
      down = false;
      ready();
    },
    die() {
      down = true;
      real.close();
    },
    reserve: async (parts = {}) =>
      limits.reserve({ id: `r${serial++}`, takes: [], slots: [], charges: [], maxWaitMs: 0, ...parts }),
  };
}

/** Lets sockets do their work until it holds; bounded by real time, since Redis is real. */
export async function until(holds: () => boolean | Promise<boolean>, what = 'it'): Promise<void> {
  const end = Date.now() + 5_000;
  while (Date.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`${what} did not come to pass`);
}

export const inUse = (...processes: readonly Process[]): Promise<void> =>
  until(() => processes.every(({ limits }) => limits.health().status === 'ok'), 'joining');

/** Moves the clocks of living processes on together, a beat at a time, and lets every beat be answered. */
export async function pass(ms: number, ...processes: readonly Process[]): Promise<void> {
  for (let past = 0; past < ms; past += 500) {
    for (const clock of new Set(processes.map((one) => one.clock))) await clock.advance(500);
    // A question after a beat is answered after it, and what a beat leads to takes three more of them.
    for (let turn = 0; turn < 4; turn++) {
      for (const { limits, reserve } of processes) if (limits.health().status === 'ok') await reserve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

export const budget = (capNanoUsd: number, nanoUsd: number, key = 'all/day'): Charge => ({
  key,
  capNanoUsd,
  nanoUsd,
  expiresAtMs: 4_000_000_000_000,
});

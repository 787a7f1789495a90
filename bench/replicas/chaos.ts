/** What goes wrong, one thing after another, and how long it takes until every replica serves again. */
import { Redis } from 'ioredis';
import { pause } from './balancer.ts';
import type { Scene } from './scene.ts';

export interface Happening {
  readonly name: string;
  happen(scene: Scene): Promise<void>;
}

export interface Recovery {
  readonly name: string;
  /** From its end until all replicas were ready; undefined: not within a minute. */
  readonly recoveredMs: number | undefined;
}

export interface ChaosTimes {
  /** How long a wire stays cut. */
  readonly cutMs: number;
  /** Longer than the lease. */
  readonly pauseMs: number;
}

export function happenings({ cutMs, pauseMs }: ChaosTimes): readonly Happening[] {
  const cut = (which: 'redis' | 'postgres'): Happening => ({
    name: `the wire to ${which} cut for ${cutMs / 1000} s`,
    async happen({ wires }) {
      wires[which].cut();
      await pause(cutMs);
      wires[which].mend();
    },
  });
  const kill = (index: number): Happening => ({
    name: `replica ${index} killed, and started again`,
    async happen(scene) {
      await scene.kill(index);
      await pause(2_000);
      await scene.start(index);
    },
  });
  const freeze = (index: number): Happening => ({
    name: `replica ${index} stopped for ${pauseMs / 1000} s, past its lease`,
    async happen({ replicas }) {
      const pid = replicas[index]?.program?.pid;
      if (pid === undefined) return;
      process.kill(pid, 'SIGSTOP');
      await pause(pauseMs);
      process.kill(pid, 'SIGCONT');
    },
  });
  return [
    kill(0),
    {
      name: 'Redis restarted, empty',
      async happen({ redis }) {
        await redis.kill();
        await pause(1_000);
        await redis.restart();
      },
    },
    freeze(1),
    { name: 'Postgres restarted', happen: ({ postgres }) => postgres.restart() },
    kill(2),
    {
      name: 'FLUSHALL',
      async happen({ redis }) {
        const client = new Redis(redis.url);
        await client.flushall();
        client.disconnect();
      },
    },
    cut('redis'),
    freeze(0),
    cut('postgres'),
    kill(1),
  ];
}

const longestMs = 60_000;

export async function recovery(scene: Scene): Promise<number | undefined> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < longestMs) {
    const ready = await Promise.all(scene.replicas.map(({ url }) => isReady(url)));
    if (ready.every(Boolean)) return performance.now() - startedMs;
    await pause(50);
  }
  return undefined;
}

/** Ready, and its limits are the shared ones again. */
async function isReady(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(2_000);
    if (!(await fetch(`${url}/readyz`, { signal })).ok) return false;
    const health: { limits?: { status?: string } } = Object(
      await (await fetch(`${url}/health`, { signal })).json(),
    );
    return health.limits?.status === 'ok';
  } catch {
    return false;
  }
}

/** A master, its replica, and three sentinels that watch them, all real and on this machine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { end, freePort, spawnRedis, startServer, type TestRedis } from './redis.ts';

export interface TestSentinels {
  /** With the sentinels in it. */
  readonly url: string;
  /** Of the master that they name now. */
  masterPort(): Promise<number>;
  /** Kills the master of the beginning, with everything that it holds. */
  killMaster(): Promise<void>;
  close(): Promise<void>;
}

const name = 'main';
/** `downAfterMs`: silence after which a server counts as down. Longer than a test, unless the test is about that. */
export async function startSentinels({ downAfterMs = 60_000 } = {}): Promise<TestSentinels> {
  const atOnce = ['--repl-diskless-sync-delay', '0'];
  const master = await startServer(await freePort(), atOnce);
  const replica = await startServer(await freePort(), [...atOnce, '--replicaof', `127.0.0.1 ${master.port}`]);
  await until(() =>
    ask(replica, async (admin) => (await admin.info('replication')).includes('master_link_status:up')),
  );
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-sentinels-'));
  const ports = [await freePort(), await freePort(), await freePort()];
  const watchers = await Promise.all(ports.map((port) => watch(folder, port, master.port, downAfterMs)));
  // A failover wants all to know of each other, and of the replica.
  for (const port of ports)
    await until(() =>
      askAt(port, async (admin) => {
        const told = String(await admin.call('INFO', 'sentinel'));
        return told.includes('slaves=1,sentinels=3');
      }),
    );
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${name}`,
    masterPort: () =>
      askAt(ports[0] ?? 0, async (admin) => {
        const told = await admin.call('SENTINEL', 'get-master-addr-by-name', name);
        return Array.isArray(told) ? Number(told[1]) : 0;
      }),
    killMaster: () => master.kill(),
    async close() {
      for (const watcher of watchers) await end(watcher);
      await replica.close();
      await master.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function watch(folder: string, port: number, masterPort: number, downAfterMs: number) {
  const file = join(folder, `${port}.conf`);
  writeFileSync(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${name} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
      `sentinel failover-timeout ${name} 5000`,
      '',
    ].join('\n'),
  );
  return spawnRedis([file, '--sentinel'], '+monitor master');
}

const ask = <T>(server: TestRedis, question: (admin: Redis) => Promise<T>): Promise<T> =>
  askAt(server.port, question);

async function askAt<T>(port: number, question: (admin: Redis) => Promise<T>): Promise<T> {
  const admin = new Redis(port, '127.0.0.1');
  admin.on('error', () => undefined);
  try {
    return await question(admin);
  } finally {
    admin.disconnect();
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error('the sentinels did not find each other within ten seconds');
}

/** A cluster of three masters, with a replica each if it must survive one, all real and on this machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort, startServer, type TestRedis } from './redis.ts';

export interface TestCluster {
  readonly url: string;
  /** The port of the master that a key lies on now. */
  masterOf(key: string): Promise<number>;
  /** Kills a node with everything that it holds. */
  kill(port: number): Promise<void>;
  close(): Promise<void>;
}

const masters = 3;
const slots = 16_384;

interface Node {
  readonly server: TestRedis;
  readonly admin: Redis;
  readonly id: string;
}

/** `nodeTimeoutMs`: silence after which a node counts as down. Longer than a test, unless the test is about that. */
export async function startCluster({ replicas = false, nodeTimeoutMs = 60_000 } = {}): Promise<TestCluster> {
  const nodes = await Promise.all(
    Array.from({ length: replicas ? masters * 2 : masters }, () => startNode(nodeTimeoutMs)),
  );
  const owners = nodes.slice(0, masters);
  for (const [index, { admin }] of owners.entries()) {
    const first = Math.ceil((slots / masters) * index);
    await admin.cluster('ADDSLOTSRANGE', first, Math.ceil((slots / masters) * (index + 1)) - 1);
    // So that nobody votes twice for the same epoch.
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  }
  await Promise.all(nodes.slice(1).map((node) => meet(node, nodes[0])));
  await until(nodes, async ({ admin }) => {
    const told = String(await admin.cluster('INFO'));
    return told.includes('cluster_state:ok') && told.includes(`cluster_known_nodes:${nodes.length}`);
  });
  const spares = nodes.slice(masters);
  for (const [index, { admin }] of spares.entries())
    await admin.cluster('REPLICATE', owners[index]?.id ?? '');
  await until(spares, async ({ admin }) =>
    (await admin.info('replication')).includes('master_link_status:up'),
  );
  // A client begins with any of them: the first may be the one that a test kills.
  return {
    url: `redis+cluster://${nodes.map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`,
    async masterOf(key) {
      const [{ admin } = nodes[0] ?? fail()] = nodes.filter((node) => node.admin.status === 'ready');
      const slot = Number(await admin.cluster('KEYSLOT', key));
      for (const [first, last, master] of await admin.cluster('SLOTS'))
        if (Number(first) <= slot && slot <= Number(last) && Array.isArray(master)) return Number(master[1]);
      return fail();
    },
    async kill(port) {
      await nodes.find(({ server }) => server.port === port)?.server.kill();
    },
    async close() {
      for (const { admin } of nodes) admin.disconnect();
      await Promise.all(nodes.map(({ server }) => server.close()));
    },
  };
}

function fail(): never {
  throw new Error('no node of the cluster answers');
}

async function startNode(nodeTimeoutMs: number): Promise<Node> {
  const port = await freePort();
  // The usual bus port is ten thousand above, where nobody has looked whether it is free.
  const server = await startServer(port, [
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(await freePort()),
    '--cluster-node-timeout',
    String(nodeTimeoutMs),
    '--repl-diskless-sync-delay',
    '0',
  ]);
  const admin = new Redis(port, '127.0.0.1');
  admin.on('error', () => undefined);
  return { server, admin, id: String(await admin.cluster('MYID')) };
}

async function meet({ admin }: Node, first: Node | undefined): Promise<void> {
  if (first === undefined) return;
  const bus = String((await first.admin.config('GET', 'cluster-port')) ?? '').split(',')[1] ?? '';
  await admin.call('CLUSTER', 'MEET', '127.0.0.1', first.server.port, bus);
}

async function until(nodes: readonly Node[], holds: (node: Node) => Promise<boolean>): Promise<void> {
  for (const node of nodes)
    for (let tries = 0; !(await holds(node)); tries++) {
      if (tries === 200) throw new Error('the cluster did not come together within ten seconds');
      await sleep(50);
    }
}

/** A whole gateway beside a simulator, in this process, on ports of their own: real sockets, no mocks. */
import { readFileSync } from 'node:fs';
import type { BatchDesk } from '../../src/batch/desk/contract.ts';
import type { Step } from '../../src/batch/world.ts';
import { openBatches } from '../../src/cli/batches.ts';
import { openCapacity } from '../../src/cli/capacity.ts';
import { type OpenQueue, openQueue } from '../../src/cli/queue.ts';
import { openWaiting } from '../../src/cli/waiting.ts';
import { loadText, writeProblems } from '../../src/config/load.ts';
import { type Clock, systemClock, systemRandom } from '../../src/core/clock.ts';
import { makeId } from '../../src/core/ids.ts';
import { batchFolders } from '../../src/gateway/batches/registry.ts';
import { dialectFolders } from '../../src/gateway/dialects/registry.ts';
import { type RunningGateway, startGateway } from '../../src/gateway/server.ts';
import type { GatewayWorld } from '../../src/gateway/world.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { createHealth } from '../../src/router/health.ts';
import { faultPlanSchema } from '../../src/simulator/faults.ts';
import { type Simulator, startSimulator } from '../../src/simulator/server.ts';
import { openBlobs } from '../../src/stores/blobs.ts';
import type { Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { createUpstream } from '../../src/upstream/upstream.ts';

export interface TestGateway {
  readonly url: string;
  readonly simulator: Simulator;
  readonly gateway: RunningGateway;
  readonly world: GatewayWorld;
  /** Its workers run where `queue` was asked for. */
  readonly queue: OpenQueue;
  /** Log lines of warnings and errors, as they came. */
  readonly complaints: { readonly level: string; readonly message: string; readonly fields: object }[];
  /** All other log lines. */
  readonly lines: { readonly message: string; readonly fields: object }[];
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  /** YAML text; `${SIMULATOR_PORT}` stands for the simulator's. Absent: the demo's. */
  readonly yaml?: string;
  readonly faults?: unknown;
  readonly maxBodyBytes?: number;
  /** Absent: in memory. Closed with the gateway. */
  readonly stores?: Stores;
  readonly redisUrl?: string;
  /** Absent: batches are not served. */
  readonly desk?: BatchDesk;
  readonly maxUploadBytes?: number;
  /** With the batch road behind it, blobs in this folder. */
  readonly blobs?: string;
  /** Workers of the queue are started. */
  readonly queue?: boolean;
  /** Named places of the batch road, and of the queue. */
  readonly at?: Step;
  /** Absent: the system's. */
  readonly clock?: Clock;
}

const demo = new URL('../../config/demo.yaml', import.meta.url);

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const clock = options.clock ?? systemClock;
  const simulator = await startSimulator({ faults: faultPlanSchema.parse(options.faults ?? {}) });
  const loaded = loadText('test.yaml', options.yaml ?? readFileSync(demo, 'utf8'), {
    registry: providerTypes,
    env: { SIMULATOR_PORT: String(simulator.port) },
    clock,
  });
  if (!loaded.ok) throw new Error(writeProblems(loaded.problems));
  const complaints: { level: string; message: string; fields: object }[] = [];
  const lines: { message: string; fields: object }[] = [];
  const upstream = createUpstream();
  const health = createHealth(clock, () => loaded.policy.breaker);
  const stores = options.stores ?? (await openStores(':memory:'));
  const log = {
    info: (fields: object, message: string) => lines.push({ message, fields }),
    warn: (fields: object, message: string) => complaints.push({ level: 'warn', message, fields }),
    error: (fields: object, message: string) => complaints.push({ level: 'error', message, fields }),
    request: (fields: object) => lines.push({ message: 'request', fields }),
    flush: () => {},
  };
  const capacity = await openCapacity(
    {
      stores,
      redisUrl: options.redisUrl,
      policy: () => loaded.policy,
      upstream,
      health,
      clock,
      random: systemRandom,
      makeId,
      log,
    },
    () => world,
  );
  const bare = {
    ...capacity,
    policy: () => loaded.policy,
    configStatus: () => ({ version: 1, loadedAtMs: 0, problems: [], warnings: loaded.warnings }),
    dialects: dialectFolders,
    upstream,
    health,
    clock,
    random: systemRandom,
    makeId,
    log,
    maxBodyBytes: options.maxBodyBytes ?? 32_000_000,
    version: 'test',
  };
  const maxUploadBytes = options.maxUploadBytes ?? 268_435_456;
  const road =
    options.blobs === undefined
      ? undefined
      : openBatches(
          {
            stores,
            blobs: await openBlobs(options.blobs),
            config: () => loaded.config.batch,
            maxUploadBytes,
            ...(options.at === undefined ? {} : { at: options.at }),
          },
          bare,
        );
  const served =
    options.desk === undefined
      ? road?.served
      : {
          folders: batchFolders,
          world: {
            desk: options.desk,
            dialects: dialectFolders.flatMap((folder) => folder.dialects),
            makeId,
            now: () => clock.now(),
            maxUploadBytes,
          },
        };
  const queue = openQueue(
    {
      rows: stores.queue,
      config: () => loaded.config,
      ...(options.at === undefined ? {} : { at: options.at }),
    },
    bare,
  );
  const waiting =
    road === undefined
      ? undefined
      : openWaiting(
          {
            stores,
            batches: road,
            desk: queue.desk,
            keepMs: () => loaded.config.batch.keep,
            poke: queue.poke,
            ...(options.at === undefined ? {} : { at: options.at }),
          },
          bare,
        );
  const works = options.queue ?? road !== undefined;
  const world: GatewayWorld = {
    ...bare,
    queue: queue.served,
    ...(served === undefined ? {} : { batches: served }),
    ...(waiting === undefined ? {} : { waiting: waiting.served }),
  };
  const gateway = await startGateway(world, { host: '127.0.0.1', port: 0 });
  await road?.start();
  if (works) queue.start();
  waiting?.start();
  return {
    url: gateway.url,
    simulator,
    gateway,
    world,
    queue,
    complaints,
    lines,
    async close() {
      await gateway.drain(0);
      await waiting?.close();
      if (works) await queue.close(0);
      await road?.close();
      await upstream.close();
      await capacity.close();
      await simulator.close();
    },
  };
}

/** A running gateway: config, watch, server and signals wired together. */

import type { Step } from '../batch/world.ts';
import { writeProblems } from '../config/load.ts';
import { writeProblem } from '../config/problem.ts';
import { watchConfig } from '../config/watch.ts';
import { systemClock, systemRandom } from '../core/clock.ts';
import { makeId } from '../core/ids.ts';
import { createWakeUps } from '../fleet/alone.ts';
import { createBullWakeUps } from '../fleet/bull.ts';
import type { WakeUps } from '../fleet/contract.ts';
import { type SharedHealth, shareHealth } from '../fleet/health.ts';
import { tellDecisions } from '../gateway/admin/decisions.ts';
import { dialectFolders } from '../gateway/dialects/registry.ts';
import { type RunningGateway, startGateway } from '../gateway/server.ts';
import type { ConfigStatus, GatewayWorld } from '../gateway/world.ts';
import type { Policy, Route } from '../router/contract.ts';
import { type DecisionQuery, usualBounds } from '../router/decisions.ts';
import { createHealth } from '../router/health.ts';
import { faultPlanSchema } from '../simulator/faults.ts';
import { type Simulator, startSimulator } from '../simulator/server.ts';
import { openBlobs } from '../stores/blobs.ts';
import { openStores } from '../stores/open.ts';
import { createLog } from '../telemetry/log.ts';
import type { MetricSet } from '../telemetry/metrics.ts';
import { createUpstream } from '../upstream/upstream.ts';
import { type OpenBatches, openBatches } from './batches.ts';
import { type Capacity, openCapacity } from './capacity.ts';
import { ConfigError } from './config-error.ts';
import { load } from './load.ts';
import { type OpenQueue, openQueue } from './queue.ts';
import { version } from './version.ts';
import { type OpenWaiting, openWaiting } from './waiting.ts';

export interface ServiceOptions {
  readonly configFile: string;
  readonly simulate: boolean;
  readonly host?: string;
  readonly port?: number;
  /** Over the one in the config. */
  readonly store?: string;
  /** Given what is counted, before anything is served. */
  readonly onMetrics?: (set: MetricSet) => void;
  /** Given what this process tells of its decisions; answers with what all tell that serve as one. */
  readonly shareDecisions?: (
    own: (query: DecisionQuery) => readonly object[],
  ) => NonNullable<GatewayWorld['decisionsOfAll']>;
  /** Absent: SIGTERM and SIGINT. */
  readonly stopOn?: readonly NodeJS.Signals[];
  /** Hears the named places of the batch road as they are passed; for proofs that break it there. */
  readonly at?: Step;
}

export interface Service {
  readonly url: string;
  readonly simulatorUrl: string | undefined;
  readonly policy: Policy;
  /** Patterns too, as the config has them. */
  readonly routes: readonly Route[];
  readonly warnings: readonly string[];
  /** No key has been made: only this machine is served. */
  readonly keyless: boolean;
  readonly loopback: boolean;
  /** Resolves when a signal has stopped the service. */
  readonly stopped: Promise<void>;
}

const defaultSimulatorPort = 4010;
/** An answer that is just coming is taken, however long requests took to end. */
const leastQueueMs = 1_000;

export async function startService(options: ServiceOptions): Promise<Service> {
  const first = load(options.configFile);
  if (!first.ok)
    throw new ConfigError(
      `${writeProblems(first.problems)}\n\nNothing was started. Mend the file and try again.`,
    );
  const { config } = first;
  const log = createLog(systemClock, config.server.log);

  let policy = first.policy;
  let providers = first.providers;
  let status: ConfigStatus = { version: 1, loadedAtMs: Date.now(), problems: [], warnings: first.warnings };
  const upstream = createUpstream();
  const health = createHealth(systemClock, () => policy.breaker);
  const stores = await openStores(options.store ?? config.store);
  const sharedHealth =
    config.redis === undefined
      ? undefined
      : shareHealth(config.redis, health, makeId('gateway_'), systemClock);
  const capacity = await openCapacity(
    {
      stores,
      redisUrl: config.redis,
      policy: () => policy,
      upstream,
      health,
      clock: systemClock,
      random: systemRandom,
      makeId,
      log,
      decisions: { ...usualBounds, most: config.server.decisions },
    },
    () => world,
  );
  const measures = capacity.walk.sight?.measures ?? {};
  const decisionsOfAll = options.shareDecisions?.((query) =>
    tellDecisions({ decisions: capacity.decisions, measures }, query),
  );
  const bare: Omit<GatewayWorld, 'batches' | 'queue' | 'waiting'> = {
    ...capacity,
    policy: () => policy,
    configStatus: () => status,
    dialects: dialectFolders,
    upstream,
    health,
    clock: systemClock,
    random: systemRandom,
    makeId,
    log,
    maxBodyBytes: config.server.max_body,
    version,
    ...(decisionsOfAll === undefined ? {} : { decisionsOfAll }),
  };
  const openWakeUps = (about: 'batch' | 'queue'): WakeUps =>
    config.redis === undefined
      ? createWakeUps(systemClock)
      : createBullWakeUps({
          url: config.redis,
          about,
          clock: systemClock,
          onTrouble: (error) =>
            log.warn(
              { err: error, about },
              'no wake-ups of other gateways; the rows are looked at more often',
            ),
        });
  const wakeUps = { batch: openWakeUps('batch'), queue: openWakeUps('queue') };
  let batchConfig = config.batch;
  const batches = openBatches(
    {
      stores,
      blobs: await openBlobs(config.batch.blobs),
      config: () => batchConfig,
      wakeUps: wakeUps.batch,
      maxUploadBytes: config.server.max_upload,
      ...(options.at === undefined ? {} : { at: options.at }),
    },
    bare,
  );
  let waitingConfig = config.waiting;
  const queue = openQueue(
    {
      rows: stores.queue,
      wakeUps: wakeUps.queue,
      config: () => ({ waiting: waitingConfig, batch: batchConfig }),
      ...(options.at === undefined ? {} : { at: options.at }),
    },
    bare,
  );
  const waiting = openWaiting(
    {
      stores,
      batches,
      desk: queue.desk,
      keepMs: () => batchConfig.keep,
      poke: queue.poke,
      ...(options.at === undefined ? {} : { at: options.at }),
    },
    bare,
  );
  const world: GatewayWorld = {
    ...bare,
    batches: batches.served,
    queue: queue.served,
    waiting: waiting.served,
  };

  options.onMetrics?.(capacity.metrics.set);

  const simulator = options.simulate
    ? await startSimulator({ port: simulatorPort(), faults: faultPlanSchema.parse(config.simulator ?? {}) })
    : undefined;
  const host = options.host ?? config.server.host;
  const gateway = await startGateway(world, { host, port: options.port ?? config.server.port });

  if (!capacity.keys.inUse)
    log.warn(
      { host },
      'there are no keys: only this machine is served; make one with intermodal keys create',
    );

  await batches.start();
  queue.start();
  waiting.start();

  const watcher = watchConfig({
    file: options.configFile,
    clock: systemClock,
    load: () => load(options.configFile, providers),
    onError: (error) =>
      log.error({ err: error }, 'the config file is no longer watched; SIGHUP still reloads it'),
    onConfig(loaded) {
      providers = loaded.providers;
      batchConfig = loaded.config.batch;
      waitingConfig = loaded.config.waiting;
      policy = { ...loaded.policy, version: status.version + 1 };
      status = { version: policy.version, loadedAtMs: Date.now(), problems: [], warnings: loaded.warnings };
      if (JSON.stringify(loaded.config.server) !== JSON.stringify(config.server))
        log.warn({}, 'server settings have changed; they need a restart');
      capacity.refresh().catch((thrown: unknown) => {
        log.error({ err: thrown }, 'what new budgets have spent before could not be read');
      });
      if (
        loaded.config.store !== config.store ||
        loaded.config.redis !== config.redis ||
        loaded.config.batch.blobs !== config.batch.blobs
      )
        log.warn({}, 'store, redis or batch.blobs have changed; they need a restart');
      log.info({ version: policy.version }, 'config reloaded');
    },
    onRefused(problems) {
      status = { ...status, problems: problems.map(writeProblem) };
      log.error({ problems: status.problems }, 'the new config was refused; the running one stays');
    },
  });

  return {
    url: gateway.url,
    simulatorUrl: simulator?.url,
    policy,
    routes: first.routes,
    warnings: first.warnings,
    keyless: !capacity.keys.inUse,
    loopback: isLoopback(host),
    stopped: stopOnSignal({
      gateway,
      watcher,
      upstream,
      simulator,
      capacity,
      batches,
      queue,
      waiting,
      sharedHealth,
      wakeUps: [wakeUps.batch, wakeUps.queue],
      lingerMs: config.server.linger,
      drainMs: config.server.drain,
      log,
      signals: options.stopOn ?? ['SIGTERM', 'SIGINT'],
    }),
  };
}

export function simulatorPort(): number {
  const port = Number(process.env['SIMULATOR_PORT'] ?? defaultSimulatorPort);
  return Number.isInteger(port) ? port : defaultSimulatorPort;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

interface Parts {
  readonly gateway: RunningGateway;
  readonly watcher: ReturnType<typeof watchConfig>;
  readonly upstream: ReturnType<typeof createUpstream>;
  readonly simulator: Simulator | undefined;
  readonly capacity: Capacity;
  readonly batches: OpenBatches;
  readonly queue: OpenQueue;
  readonly waiting: OpenWaiting;
  readonly sharedHealth: SharedHealth | undefined;
  readonly wakeUps: readonly WakeUps[];
  readonly lingerMs: number;
  readonly drainMs: number;
  readonly log: ReturnType<typeof createLog>;
  readonly signals: readonly NodeJS.Signals[];
}

/** SIGTERM and SIGINT drain; a second one does not wait. SIGHUP reloads. */
function stopOnSignal(parts: Parts): Promise<void> {
  process.on('SIGHUP', () => parts.watcher.reload());
  return new Promise((resolve) => {
    let draining = false;
    const stop = (): void => {
      if (draining) {
        parts.log.warn({}, 'stopping at once');
        parts.log.flush();
        process.exit(1);
      }
      draining = true;
      const { lingerMs, drainMs } = parts;
      parts.log.info({ lingerMs, graceMs: drainMs }, 'draining');
      parts.watcher.close();
      const untilMs = systemClock.now() + lingerMs + drainMs;
      void parts.gateway.drain(drainMs, lingerMs).then(async ({ cut }) => {
        if (cut > 0) parts.log.warn({ cut }, 'requests outlasted the drain and were cut');
        await parts.waiting.close();
        // Calls of the queue have run beside the requests, so they have what those left of the time.
        await parts.queue.close(Math.max(leastQueueMs, untilMs - systemClock.now()));
        await parts.batches.close();
        for (const one of parts.wakeUps) await one.close();
        await parts.sharedHealth?.close();
        await parts.upstream.close();
        await parts.capacity.close();
        await parts.simulator?.close();
        parts.log.info({}, 'stopped');
        parts.log.flush();
        resolve();
      });
    };
    for (const signal of parts.signals) process.on(signal, stop);
  });
}

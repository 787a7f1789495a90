/**
 * The process that holds the workers of `serve --workers` together: it starts them, starts anew one that dies, passes signals on, and
 * adds up what they count. It serves nothing itself; Node's cluster hands each connection to a worker.
 */
import cluster, { type Worker } from 'node:cluster';
import { writeProblems } from '../../config/load.ts';
import { faultPlanSchema } from '../../simulator/faults.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { openStores } from '../../stores/open.ts';
import { MetricSet } from '../../telemetry/metrics.ts';
import { ConfigError } from '../config-error.ts';
import { load } from '../load.ts';
import { simulatorPort } from '../service.ts';
import { type DecisionQuery, type FromPrimary, fromWorker } from './messages.ts';

export interface WorkersOptions {
  readonly configFile: string;
  readonly count: number;
  readonly simulate: boolean;
  readonly store: string | undefined;
  readonly onServing: (serving: { readonly url: string; readonly welcome: string }) => void;
  readonly onTrouble: (message: string) => void;
}

/** A worker that dies at once would otherwise be started thousands of times. */
const firstRestartMs = 1_000;
const longestRestartMs = 30_000;
/** One that has lived so long begins anew with the shortest wait. */
const steadyMs = 60_000;
/** A worker that does not answer in time is left out. */
const answerMs = 2_000;

/** Resolves when all workers have ended after a signal; throws `ConfigError` where they cannot share what they must. */
export async function runWorkers(options: WorkersOptions): Promise<void> {
  const simulator = await prepare(options);
  try {
    await new Primary(options).run();
  } finally {
    await simulator?.close();
  }
}

async function prepare({ configFile, simulate, store }: WorkersOptions): Promise<Simulator | undefined> {
  const loaded = load(configFile);
  // The workers would each say the same of a broken config.
  if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
  const { config } = loaded;
  const url = store ?? config.store;
  if (config.redis === undefined)
    throw new ConfigError(
      'Several workers share their limits and budgets on a Redis, and the config names none. Add redis: redis://localhost:6379, or serve with one worker.',
    );
  if (url === ':memory:')
    throw new ConfigError(
      'Several workers cannot share a store in memory. Name a file or postgres://… as store.',
    );
  // Its tables are made here, once, before anybody uses them.
  await (await openStores(url)).close();
  if (!simulate) return undefined;
  const simulator = await startSimulator({
    port: simulatorPort(),
    faults: faultPlanSchema.parse(config.simulator ?? {}),
  });
  process.env['SIMULATOR_PORT'] = String(simulator.port);
  return simulator;
}

class Primary {
  readonly #options: WorkersOptions;
  readonly #asked = new Map<number, Gathering>();
  #serving = 0;
  #waitMs = firstRestartMs;
  #questions = 0;
  #stopping = false;
  #done: (failure?: Error) => void = () => {};

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  run(): Promise<void> {
    const ended = new Promise<void>((resolve, reject) => {
      this.#done = (failure) => (failure === undefined ? resolve() : reject(failure));
    });
    const stop = (): void => {
      this.#stopping = true;
      this.#each((worker) => worker.process.kill('SIGTERM'));
    };
    const reload = (): void => this.#each((worker) => worker.process.kill('SIGHUP'));
    process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', reload);
    for (let index = 0; index < this.#options.count; index++) this.#start();
    return ended.finally(() => process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', reload));
  }

  #each(act: (worker: Worker) => void): void {
    for (const worker of Object.values(cluster.workers ?? {})) if (worker !== undefined) act(worker);
  }

  #start(): void {
    const worker = cluster.fork();
    const startedAtMs = Date.now();
    let serving = false;
    worker.on('message', (message: unknown) => {
      const parsed = fromWorker.safeParse(message);
      if (!parsed.success) return;
      switch (parsed.data.kind) {
        case 'serving':
          serving = true;
          this.#serving += 1;
          if (this.#serving === this.#options.count) this.#options.onServing(parsed.data);
          return;
        case 'all-metrics':
          this.#gatherMetrics(worker, parsed.data.id);
          return;
        case 'own-metrics':
          this.#asked.get(parsed.data.id)?.add(worker.id, parsed.data.metrics);
          return;
        case 'all-decisions':
          this.#gatherDecisions(worker, parsed.data.id, parsed.data.query);
          return;
        case 'own-decisions':
          this.#asked.get(parsed.data.id)?.add(worker.id, parsed.data.decisions);
      }
    });
    worker.on('exit', (code, signal) => this.#ended(worker, serving, startedAtMs, signal ?? code));
  }

  #ended(worker: Worker, serving: boolean, startedAtMs: number, how: number | string): void {
    for (const gathering of this.#asked.values()) gathering.add(worker.id, []);
    const left = Object.values(cluster.workers ?? {}).filter((one) => one !== undefined && !one.isDead());
    if (this.#stopping) {
      if (left.length === 0) this.#done();
      return;
    }
    if (!serving && this.#serving < this.#options.count) {
      // It has said itself what is wrong, and the others will say the same.
      this.#stopping = true;
      this.#each((one) => one.process.kill('SIGTERM'));
      this.#done(new ConfigError(`A worker could not start (${how}).`));
      return;
    }
    if (Date.now() - startedAtMs > steadyMs) this.#waitMs = firstRestartMs;
    this.#options.onTrouble(
      `worker ${worker.process.pid} ended (${how}); another is started in ${this.#waitMs} ms`,
    );
    setTimeout(() => {
      if (!this.#stopping) this.#start();
    }, this.#waitMs);
    this.#waitMs = Math.min(longestRestartMs, this.#waitMs * 2);
  }

  /** What they come to together. */
  #gatherMetrics(asking: Worker, answerId: number): void {
    this.#gather(
      (id) => ({ kind: 'tell-metrics', id }),
      (parts) => {
        MetricSet.together(parts).then(
          (text) => tell(asking, { kind: 'all-metrics', id: answerId, text }),
          (thrown: unknown) => this.#options.onTrouble(`metrics could not be added up: ${String(thrown)}`),
        );
      },
    );
  }

  /** A decision is known to the worker alone that made it. */
  #gatherDecisions(asking: Worker, answerId: number, query: DecisionQuery): void {
    this.#gather(
      (id) => ({ kind: 'tell-decisions', id, query }),
      (parts) => tell(asking, { kind: 'all-decisions', id: answerId, decisions: parts.flat() }),
    );
  }

  /** Asks every worker, and goes on with what those say that answer in time. */
  #gather(
    question: (id: number) => FromPrimary,
    done: (parts: readonly (readonly object[])[]) => void,
  ): void {
    const id = ++this.#questions;
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected() === true);
    const gathering = new Gathering(workers.length, (parts) => {
      this.#asked.delete(id);
      clearTimeout(timer);
      done(parts);
    });
    const timer = setTimeout(() => gathering.end(), answerMs);
    this.#asked.set(id, gathering);
    for (const worker of workers) if (worker !== undefined) tell(worker, question(id));
  }
}

/** What each worker says, until all have. */
class Gathering {
  readonly #parts = new Map<number, readonly object[]>();
  readonly #wanted: number;
  readonly #done: (parts: readonly (readonly object[])[]) => void;
  #over = false;

  constructor(wanted: number, done: (parts: readonly (readonly object[])[]) => void) {
    this.#wanted = wanted;
    this.#done = done;
  }

  add(worker: number, part: readonly object[]): void {
    this.#parts.set(worker, part);
    if (this.#parts.size >= this.#wanted) this.end();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#done([...this.#parts.values()]);
  }
}

function tell(worker: Worker, message: FromPrimary): void {
  if (worker.isConnected()) worker.send(message);
}

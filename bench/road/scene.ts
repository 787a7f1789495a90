/** One simulator and one gateway on a store and a folder of blobs that outlive it, each a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, startProgram } from '../fleet/program.ts';

export interface SceneOptions {
  /** YAML of the gateway; `${SIMULATOR_URL}` stands for the simulator's, blobs are added. */
  readonly yaml: string;
  /** Over the `batch` section's defaults, beside `blobs`. */
  readonly batch?: object;
  /** The simulator's plan. */
  readonly plan: object;
  /** For the gateway, such as where it is to break. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Scene {
  readonly folder: string;
  readonly configFile: string;
  readonly storeFile: string;
  readonly simulator: Program;
  /** The one that runs; another after `restart`. */
  readonly gateway: Program;
  /** Ends the gateway, by a kill unless told otherwise, and starts another on the same store. */
  restart(
    how?: 'kill' | 'stop',
    env?: Readonly<Record<string, string>>,
    meanwhile?: () => Promise<unknown>,
  ): Promise<void>;
  /** Talks to the simulator's live control. */
  control(method: 'GET' | 'POST' | 'DELETE', what: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

export async function startScene(options: SceneOptions): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-road-'));
  const storeFile = join(folder, 'store.db');
  const configFile = join(folder, 'config.yaml');
  const planFile = join(folder, 'plan.json');
  writeFileSync(planFile, JSON.stringify(options.plan));
  const simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
  let gateway: Program | undefined;
  const start = (env = options.env): Promise<Program> =>
    startProgram(['serve', '--config', configFile, '--port', '0', '--store', storeFile], env);
  const close = async (): Promise<void> => {
    await gateway?.stop();
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const batch = JSON.stringify({ blobs: join(folder, 'blobs'), ...options.batch });
    const text = options.yaml.replaceAll('${SIMULATOR_URL}', simulator.url);
    writeFileSync(configFile, `${text}\nbatch: ${batch}\n`);
    gateway = await start();
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    folder,
    configFile,
    storeFile,
    simulator,
    get gateway() {
      if (gateway === undefined) throw new Error('No gateway runs.');
      return gateway;
    },
    async restart(how = 'kill', env = options.env, meanwhile = async () => {}) {
      await (how === 'kill' ? gateway?.kill() : gateway?.stop());
      await meanwhile();
      gateway = await start(env);
    },
    async control(method, what, body) {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(`${simulator.url}/~simulator/${what}`, { method, ...sent });
      if (!response.ok) throw new Error(`${what}: ${await response.text()}`);
      return response.json();
    },
    close,
  };
}

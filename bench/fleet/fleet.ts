/** One Redis, one simulator and several gateways on it, as in production, each a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis, type TestRedis } from '../../test/support/redis.ts';
import { type Program, startProgram } from './program.ts';

export interface FleetOptions {
  readonly gateways: number;
  /** YAML of the gateways; `${SIMULATOR_URL}` stands for the simulator's. Redis is added. */
  readonly yaml: string;
  /** The simulator's plan. */
  readonly plan: object;
}

export interface Fleet {
  readonly redis: TestRedis;
  readonly simulator: Program;
  /** By place; `restart` puts another there. */
  readonly gateways: readonly Program[];
  /** The ledger and the keys of all. */
  readonly storeFile: string;
  restart(index: number): Promise<void>;
  /** Talks to the simulator's live control. */
  control(method: 'GET' | 'POST' | 'DELETE', what: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

export async function startFleet({ gateways: count, yaml, plan }: FleetOptions): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-fleet-'));
  const storeFile = join(folder, 'ledger.db');
  const configFile = join(folder, 'config.yaml');
  const planFile = join(folder, 'plan.yaml');
  const gateways: Program[] = [];
  const ends: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    for (const end of ends.reverse()) await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const redis = await startRedis();
    ends.push(() => redis.close());
    writeFileSync(planFile, JSON.stringify(plan));
    const simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
    ends.push(() => simulator.stop());
    const text = yaml.replaceAll('${SIMULATOR_URL}', simulator.url);
    writeFileSync(configFile, `redis: ${redis.url}\n${text}`);
    const start = (): Promise<Program> =>
      startProgram(['serve', '--config', configFile, '--port', '0', '--store', storeFile]);
    // One after another: the first makes the tables.
    for (let index = 0; index < count; index++) gateways.push(await start());
    return {
      redis,
      simulator,
      gateways,
      storeFile,
      async restart(index) {
        gateways[index] = await start();
      },
      async control(method, what, body) {
        const sent = body === undefined ? {} : { body: JSON.stringify(body) };
        const response = await fetch(`${simulator.url}/~simulator/${what}`, { method, ...sent });
        if (!response.ok) throw new Error(`${what}: ${await response.text()}`);
        return response.json();
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

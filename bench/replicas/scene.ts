/** Replicas as a company runs them: one Postgres, one Redis, one S3, a wire to each that can be cut, and the providers' stand-ins. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startRedis, type TestRedis } from '../../test/support/redis.ts';
import { startWire, type Wire } from '../../test/support/wire.ts';
import { type Program, startProgram } from '../fleet/program.ts';
import { CommandCount } from './command-count.ts';
import { type Postgres, startOwnPostgres } from './postgres.ts';

export interface Replica {
  readonly url: string;
  /** Absent while it is dead. */
  readonly program: Program | undefined;
}

export interface Scene {
  readonly simulator: Program;
  readonly postgres: Postgres;
  readonly redis: TestRedis;
  readonly wires: { readonly redis: Wire; readonly postgres: Wire };
  /** That replicas have sent to Redis. */
  readonly redisCommands: () => number;
  readonly replicas: readonly Replica[];
  kill(index: number): Promise<void>;
  /** As an operator: it may finish what it does. */
  stop(index: number): Promise<void>;
  /** `main`: of another version. */
  start(index: number, main?: string): Promise<void>;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly replicas: number;
  /** YAML of the gateways; `${SIMULATOR_URL}` stands for the simulator's. Store, Redis and blobs are added. */
  readonly yaml: string;
  readonly batch: object;
  readonly plan: object;
  /** `main.ts` of another version, for the gateways. */
  readonly main?: string;
}

/** Of the stand-in, which takes any. */
const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1' };

export async function startScene(options: SceneOptions): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-replicas-'));
  const ends: (() => Promise<unknown>)[] = [];
  const replicas: { url: string; port: number; program: Program | undefined }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(replicas.map(({ program }) => program?.kill()));
    for (const end of ends.reverse()) await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const planFile = join(folder, 'plan.json');
    writeFileSync(planFile, JSON.stringify(options.plan));
    const simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
    ends.push(() => simulator.stop());
    const postgres = await startOwnPostgres();
    ends.push(() => postgres.close());
    const redis = await startRedis();
    ends.push(() => redis.close());
    const commands = new CommandCount();
    const wires = {
      redis: await startWire(redis.port, (bytes) => commands.see(bytes)),
      postgres: await startWire(postgres.port),
    };
    ends.push(
      () => wires.redis.close(),
      () => wires.postgres.close(),
    );
    const blobs = `s3://acme-items/batches?region=us-east-1&endpoint=${simulator.url}/~s3&path_style=true`;
    const file = join(folder, 'gateway.yaml');
    writeFileSync(
      file,
      `${options.yaml.replaceAll('${SIMULATOR_URL}', simulator.url)}
store: ${postgres.address(wires.postgres.port)}
redis: redis://127.0.0.1:${wires.redis.port}
batch: ${JSON.stringify({ blobs, ...options.batch })}
`,
    );
    const start = async (index: number, main = options.main): Promise<void> => {
      const replica = replicas[index];
      if (replica === undefined) throw new Error(`There is no replica ${index}.`);
      const args = ['serve', '--config', file, '--port', String(replica.port)];
      replica.program = await startProgram(args, env, main);
    };
    for (let index = 0; index < options.replicas; index++) {
      const port = await freePort();
      replicas.push({ url: `http://127.0.0.1:${port}`, port, program: undefined });
      await start(index);
    }
    return {
      simulator,
      postgres,
      redis,
      wires,
      redisCommands: () => commands.count,
      replicas,
      start,
      async kill(index) {
        const replica = replicas[index];
        await replica?.program?.kill();
        if (replica !== undefined) replica.program = undefined;
      },
      async stop(index) {
        await replicas[index]?.program?.stop();
      },
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

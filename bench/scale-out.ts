/** One, two and three replicas beside each other: how much they do, and what a request costs in CPU, Redis and Postgres. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { ask, makeAgent } from './fleet/ask.ts';
import { Balancer } from './replicas/balancer.ts';
import { ended, judge, submit } from './replicas/items.ts';
import { roundTrips } from './replicas/round-trips.ts';
import { type Scene, startScene } from './replicas/scene.ts';
import { cpuUs, residentMb } from './speed/processes.ts';

const yaml = `
server: { log: error }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/~openai/v1" }
limits:
  openai/gpt-4.1-mini: { rpm: 10M, input_tpm: 1G }
budgets:
  - { scope: all, daily: $100000 }
routes:
  live: { chain: [openai/gpt-4.1-mini] }
  nightly: { chain: [openai/gpt-4.1-nano@batch] }
`;
const batch = { poll: ['200ms'], submission_items: 2_000 };
const plan = { batches: [{ duration_ms: 200 }] };
const clients = 64;
/** For each replica. */
const warmUpCalls = 5_000;

interface Row {
  readonly replicas: number;
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly redis: number;
  readonly postgres: number;
  /** Of the largest replica, in MB, when it is done. */
  readonly residentMb: number;
}

export const bench: Bench = {
  about:
    'one, two and three replicas on one Postgres and Redis: throughput, CPU and round trips, calls and batch items',
  async run({ print, quick }) {
    const [calls, files, items] = quick ? [2_000, 2, 1_000] : [40_000, 6, 20_000];
    const rows: { readonly calls: Row; readonly items: Row }[] = [];
    for (const replicas of [1, 2, 3]) {
      const folder = mkdtempSync(join(tmpdir(), 'intermodal-scale-'));
      const scene = await startScene({ replicas, yaml, batch, plan });
      try {
        print(`${replicas} replicas, idle: ${Math.max(...scene.replicas.map(memoryOf))} MB`);
        // So that no replica is measured while its code is compiled.
        await call(scene, warmUpCalls * replicas);
        await answer(scene, folder, 'warm', replicas * 2, 1_000);
        const row = {
          calls: await measure(scene, calls, () => call(scene, calls)),
          items: await measure(scene, files * items, () => answer(scene, folder, 'scale', files, items)),
        };
        rows.push(row);
        for (const [what, one] of Object.entries(row))
          print(
            `${replicas} replicas, ${what}: ${Math.round(one.perSecond)}/s, ${Math.round(one.cpuUs)} µs of CPU each, ${one.residentMb} MB; round trips each: Redis ${one.redis.toFixed(2)}, Postgres ${one.postgres.toFixed(3)}`,
          );
      } finally {
        await scene.close();
        rmSync(folder, { recursive: true, force: true });
      }
    }
    const [one, , three] = rows;
    const ratio = (which: 'calls' | 'items'): number =>
      (three?.[which].perSecond ?? 0) / (one?.[which].perSecond ?? 1);
    const most = Math.max(...rows.map((row) => row.calls.redis));
    return {
      figure: `three replicas do ${ratio('calls').toFixed(2)} times the calls and ${ratio('items').toFixed(2)} times the items of one; at most ${most.toFixed(2)} Redis round trips a call`,
      wanted: 'printed beside each other; at most 3 Redis round trips a call',
      met: most <= 3,
      data: { rows },
    };
  },
};

async function measure(scene: Scene, count: number, act: () => Promise<void>): Promise<Row> {
  const before = await roundTrips(scene);
  const cpuBefore = cpuOf(scene);
  const startedMs = performance.now();
  await act();
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = cpuOf(scene) - cpuBefore;
  const after = await roundTrips(scene);
  return {
    replicas: scene.replicas.length,
    perSecond: count / seconds,
    cpuUs: cpu / count,
    redis: (after.redis - before.redis) / count,
    postgres: (after.postgres - before.postgres) / count,
    residentMb: Math.max(...scene.replicas.map(memoryOf)),
  };
}

const memoryOf = ({ program }: Scene['replicas'][number]): number =>
  program === undefined ? 0 : residentMb(program.pid);

const cpuOf = ({ replicas }: Scene): number =>
  replicas.reduce((sum, { program }) => sum + (program === undefined ? 0 : cpuUs(program.pid)), 0);

async function call(scene: Scene, count: number): Promise<void> {
  const balancer = new Balancer(scene.replicas);
  const agent = makeAgent();
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const { status, text } = await ask(agent, {
        url: balancer.next(),
        dialect: 'openai',
        model: 'live',
        prompt: 'Hello',
        maxTokens: 20,
        stream: false,
      });
      if (status !== 200) throw new Error(`${status}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
}

/** Several batches at once. */
async function answer(
  scene: Scene,
  folder: string,
  name: string,
  files: number,
  items: number,
): Promise<void> {
  const balancer = new Balancer(scene.replicas);
  const one = async (file: number): Promise<void> => {
    const submitted = await submit(balancer, folder, `${name}-${file}`, items);
    const looked = await ended(balancer, submitted, performance.now() + 300_000);
    if (looked === undefined) throw new Error('The batch has not ended.');
    const { answered, problems } = await judge(balancer, looked, submitted);
    if (answered !== items) throw new Error(problems.join('\n'));
  };
  await Promise.all(Array.from({ length: files }, (_, file) => one(file)));
}

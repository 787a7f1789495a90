/**
 * What the response cache costs and spares: CPU µs of the gateway's process for a request of a route without one, for a request that is
 * answered from it, and for one whose answer is kept (`no-cache`, so that every answer is). One process, interleaved.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';
import { type Traffic, traffics } from './speed/bodies.ts';
import { cpuUs, forkServer, freePort, loadCore, measuredCore, pin, spawnServer } from './speed/processes.ts';

/** The ledger writes a second’s entries together: each load pays for its own before the next begins. */
const settleMs = 1_200;
const connections = 32;
/** What a hit spares is the model. Its own work is to hash the body, which passing a long prompt on does not have to. */
const wantedRatio = 1.5;

const cases = [
  { name: 'without a cache', route: 'plain', headers: {} },
  { name: 'given again', route: 'kept', headers: {} },
  { name: 'asked and kept', route: 'kept', headers: { 'cache-control': 'no-cache' } },
] as const;
const measured = traffics.filter(({ name }) => name !== 'translated 20 kB');
type CaseName = (typeof cases)[number]['name'];

const routes = (upstreamPort: number, port: number, store: string): string => `server: { port: ${port} }
store: ${store}
providers:
  openai: { type: openai, api_key: bench, base_url: "http://127.0.0.1:${upstreamPort}/openai/v1" }
  anthropic: { type: anthropic, api_key: bench, base_url: "http://127.0.0.1:${upstreamPort}/anthropic" }
routes:
  plain-openai: { chain: [openai/gpt-4.1-mini] }
  plain-anthropic: { chain: [anthropic/claude-haiku-4-5] }
  kept-openai: { chain: [openai/gpt-4.1-mini], cache: { for: 1h } }
  kept-anthropic: { chain: [anthropic/claude-haiku-4-5], cache: { for: 1h } }
  plain-openai-stream: { chain: [openai/gpt-4.1-mini] }
  plain-anthropic-stream: { chain: [anthropic/claude-haiku-4-5] }
  kept-openai-stream: { chain: [openai/gpt-4.1-mini], cache: { for: 1h } }
  kept-anthropic-stream: { chain: [anthropic/claude-haiku-4-5], cache: { for: 1h } }
`;

interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly firstFailure: string;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export const bench: Bench = {
  about: 'CPU µs of an answer that is given again, and of one that is kept, beside a route without a cache.',
  async run({ quick, print }) {
    const [rounds, durationMs] = quick ? [2, 1_000] : [5, 3_000];
    const upstream = await forkServer(new URL('./speed/upstream.ts', import.meta.url), [], loadCore);
    const load = fork(new URL('./speed/load.ts', import.meta.url), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    pin(load.pid, loadCore);
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'bench-cache-'));
    const config = join(folder, 'cache.yaml');
    writeFileSync(config, routes(upstream.port, port, join(folder, 'ledger.db')));
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const gateway = await spawnServer(
      process.execPath,
      [main, 'serve', '--config', config],
      port,
      measuredCore,
    );
    const pid = gateway.pid ?? 0;
    const samples = new Map<string, number[]>();
    let failures = 0;

    const ask = (traffic: Traffic, { route, headers }: (typeof cases)[number], forMs: number) =>
      new Promise<LoadResult>((resolve) => {
        load.once('message', (message: LoadResult) => resolve(message));
        // Routes of their own for streams: a whole answer is given out of a kept stream too, and that is not what is measured.
        const body = traffic.request(`${route}-${traffic.upstream}${traffic.stream ? '-stream' : ''}`);
        load.send({ port, path: '/v1/chat/completions', headers, body, connections, durationMs: forMs });
      });
    try {
      for (let round = 0; round <= rounds; round++)
        for (const traffic of measured)
          for (const one of cases) {
            const before = cpuUs(pid);
            // Round 0 warms up: compilers, pools, and the cache itself.
            const result = await ask(traffic, one, round === 0 ? 500 : durationMs);
            await sleep(settleMs);
            failures += result.failures;
            if (result.failures > 0) print(`${traffic.name}, ${one.name}: ${result.firstFailure}`);
            const key = `${traffic.name}|${one.name}`;
            const each = (cpuUs(pid) - before) / Math.max(1, result.requests);
            if (round > 0) samples.set(key, [...(samples.get(key) ?? []), each]);
          }
    } finally {
      gateway.kill('SIGKILL');
      upstream.child.kill('SIGKILL');
      load.kill('SIGKILL');
    }
    return report(samples, failures, print);
  },
};

function report(
  samples: ReadonlyMap<string, readonly number[]>,
  failures: number,
  print: (line: string) => void,
) {
  const of = (traffic: Traffic, name: CaseName): number =>
    median(samples.get(`${traffic.name}|${name}`) ?? []);
  print(`${'CPU µs a request'.padEnd(22)}${cases.map(({ name }) => name.padStart(18)).join('')}`);
  const rows = measured.map((traffic) => {
    const cells = cases.map(({ name }) => of(traffic, name));
    print(`${traffic.name.padEnd(22)}${cells.map((us) => us.toFixed(0).padStart(18)).join('')}`);
    const [plain = 0, again = 0, kept = 0] = cells;
    return { traffic: traffic.name, plainUs: plain, againUs: again, keptUs: kept };
  });
  const worst = Math.max(...rows.map(({ againUs, plainUs }) => againUs / plainUs));
  const dearest = Math.max(...rows.map(({ keptUs, plainUs }) => keptUs / plainUs));
  return {
    figure: `given again for at most ${worst.toFixed(2)} of what asking costs; keeping makes it at most ${dearest.toFixed(2)}; ${failures} failures`,
    wanted: `at most ${wantedRatio}; no figure; 0`,
    met: worst <= wantedRatio && failures === 0,
    data: { rows, failures },
  };
}

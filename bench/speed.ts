/**
 * What a request costs: CPU µs of the gateway's process, beside the floor and peers, all in one run, interleaved. CPU is what
 * counts: on a shared machine the clock wanders, user + system time does not.
 */
import type { Bench } from './bench.ts';
import { measureAdded } from './speed/added.ts';
import { traffics } from './speed/bodies.ts';
import { bare, type Contender, direct, floor, intermodal, nginx, portkey } from './speed/contenders.ts';
import { cpuUs, forkServer, loadCore, residentMb } from './speed/processes.ts';

const rounds = 3;
const connections = 64;

interface Sample {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
}

interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly firstFailure: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Wanted, as ratios to the floor's (and Portkey's) CPU in the same run. */
const wanted: Readonly<Record<string, number>> = {
  'pass-through 1 kB': 1.6,
  'pass-through 20 kB': 1.6,
  'pass-through stream': 1.6,
  'translated 1 kB': 2,
  'translated 20 kB': 2,
  'translated stream': 1.6,
};
/** With everything on. */
const wantedUnderPortkey = 8;
/** By keys, limits, budgets, ledger, metrics and the log, over the gateway without them. */
const wantedAddedUs = 12;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export const bench: Bench = {
  about: 'CPU µs a request, beside the bare floor, nginx and @portkey-ai/gateway.',
  async run({ quick, print }) {
    const durationMs = quick ? 1500 : 3000;
    const addedUs = await measureAdded();
    const upstream = await forkServer(new URL('./speed/upstream.ts', import.meta.url), [], loadCore);
    const load = (await forkLoad()).child;
    const contenders: Contender[] = [direct(upstream.port, upstream.child)];
    try {
      for (const start of [nginx, floor, bare, intermodal]) {
        const contender = await start(upstream.port);
        if (contender === undefined) print(`${start.name} is not on this machine: left out`);
        else contenders.push(contender);
      }
      const peer = await portkey(upstream.port, print);
      if (peer === undefined) print('@portkey-ai/gateway could not be installed: left out');
      else contenders.push(peer);

      const samples = new Map<string, Sample[]>();
      for (let round = 0; round <= rounds; round++) {
        for (const traffic of traffics) {
          for (const contender of contenders) {
            const ask = contender.ask(traffic);
            if (ask === undefined) continue;
            const before = cpuUs(contender.pid);
            // Round 0 warms up: compilers, pools, the page cache.
            const order = {
              port: contender.port,
              ...ask,
              connections,
              durationMs: round === 0 ? 1000 : durationMs,
            };
            const result = await new Promise<LoadResult>((resolve) => {
              load.once('message', (message: LoadResult) => resolve(message));
              load.send(order);
            });
            if (result.failures > 0)
              print(
                `${contender.name}, ${traffic.name}: ${result.failures} failures: ${result.firstFailure}`,
              );
            if (round === 0) continue;
            const key = `${traffic.name}|${contender.name}`;
            samples.set(key, [
              ...(samples.get(key) ?? []),
              {
                cpuUs: (cpuUs(contender.pid) - before) / Math.max(1, result.requests),
                perSecond: (result.requests * 1000) / durationMs,
                p50Ms: result.p50Ms,
                p99Ms: result.p99Ms,
                failures: result.failures,
              },
            ]);
          }
        }
      }
      return report(contenders, samples, print, addedUs);
    } finally {
      // nginx ends its workers itself, if it is asked to and not killed.
      for (const { name, child } of contenders) child?.kill(name === 'nginx' ? 'SIGTERM' : 'SIGKILL');
      upstream.child.kill('SIGKILL');
      load.kill('SIGKILL');
    }
  },
};

async function forkLoad() {
  const { fork } = await import('node:child_process');
  const { pin } = await import('./speed/processes.ts');
  const child = fork(new URL('./speed/load.ts', import.meta.url), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  pin(child.pid, loadCore);
  return { child };
}

function report(
  contenders: readonly Contender[],
  samples: ReadonlyMap<string, readonly Sample[]>,
  print: (line: string) => void,
  addedUs: number,
) {
  const rows: object[] = [];
  const ratios: string[] = [];
  let met = true;
  for (const traffic of traffics) {
    print(`\n${traffic.name}`);
    print(
      `  ${'who'.padEnd(12)}${'CPU µs'.padStart(9)}${'x floor'.padStart(9)}${'req/s'.padStart(9)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}${'RSS MB'.padStart(9)}`,
    );
    const cpu = (name: string): number =>
      median((samples.get(`${traffic.name}|${name}`) ?? []).map((sample) => sample.cpuUs));
    for (const contender of contenders) {
      const own = samples.get(`${traffic.name}|${contender.name}`) ?? [];
      if (own.length === 0) continue;
      const row = {
        traffic: traffic.name,
        who: contender.name,
        cpuUs: cpu(contender.name),
        timesFloor: cpu(contender.name) / cpu('floor'),
        perSecond: median(own.map((sample) => sample.perSecond)),
        p50Ms: median(own.map((sample) => sample.p50Ms)),
        p99Ms: median(own.map((sample) => sample.p99Ms)),
        rssMb: residentMb(contender.pid),
        failures: own.reduce((sum, sample) => sum + sample.failures, 0),
      };
      rows.push(row);
      // The direct row is the provider itself: its CPU is not a gateway's.
      const isDirect = contender.name === 'direct';
      print(
        `  ${row.who.padEnd(12)}${(isDirect ? '-' : row.cpuUs.toFixed(1)).padStart(9)}${(isDirect ? '-' : row.timesFloor.toFixed(2)).padStart(9)}${row.perSecond.toFixed(0).padStart(9)}${row.p50Ms.toFixed(2).padStart(9)}${row.p99Ms.toFixed(2).padStart(9)}${String(row.rssMb).padStart(9)}`,
      );
      // A peer that fails is shown with its failures; only ours count against us.
      if (row.failures > 0 && contender.name === 'intermodal') met = false;
    }
    const times = cpu('intermodal') / cpu('floor');
    ratios.push(`${traffic.name} ${times.toFixed(2)}x`);
    if (!(times <= (wanted[traffic.name] ?? 0))) met = false;
  }
  const under = ['pass-through 1 kB', 'translated 1 kB'].map((name) => {
    const of = (who: string): number =>
      median((samples.get(`${name}|${who}`) ?? []).map((sample) => sample.cpuUs));
    return of('portkey') / of('intermodal');
  });
  const least = Math.min(...under);
  if (!(least >= wantedUnderPortkey)) met = false;
  const between = ['pass-through 1 kB', 'translated 1 kB'].map((name) => {
    const of = (who: string): number =>
      median((samples.get(`${name}|${who}`) ?? []).map((sample) => sample.cpuUs));
    return of('intermodal') - of('bare');
  });
  print(
    `\neverything on adds ${addedUs.toFixed(1)} µs in process; ${between.map((us) => us.toFixed(1)).join(' and ')} µs between the two servers (pass-through and translated, 1 kB), what a slower loop costs more in wake-ups included`,
  );
  if (!(addedUs <= wantedAddedUs)) met = false;
  return {
    figure: `${ratios.join(', ')} of the floor; ${least.toFixed(1)}x under Portkey; everything on adds ${addedUs.toFixed(1)} µs`,
    wanted: `pass-through and streams <= 1.6x, translated <= 2.0x, >= ${wantedUnderPortkey}x under Portkey, <= ${wantedAddedUs} µs added`,
    met,
    data: { rows, underPortkey: under, addedUs, addedBetweenServersUs: between },
  };
}

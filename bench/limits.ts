/**
 * 200 clients on four gateways that share their limits through one Redis, against providers that enforce the same limits. Nothing may be
 * refused upstream, and nearly all of every limit must be used. Then once more, and Redis dies in the middle and comes back empty.
 */
import { Redis } from 'ioredis';
import type { Bench } from './bench.ts';
import { type Fleet, startFleet } from './fleet/fleet.ts';
import { type Loaded, load } from './limits/load.ts';
import { clients, gatewayCount, type Setting, setOf } from './limits/scene.ts';
import { type Report, readUsage, type Usage } from './limits/usage.ts';
import { watchHealth } from './limits/watch-health.ts';
import { cpuUs } from './speed/processes.ts';

const wantedShare = 0.95;
/** From Redis being there again to every gateway saying so. */
const wantedRecoveryMs = 5_000;

interface Phase {
  readonly loaded: Loaded;
  readonly report: Report;
}

interface Outage extends Phase {
  readonly degraded: boolean;
  readonly recoveryMs: number;
}

interface Plan {
  readonly set: Setting;
  readonly forMs: number;
  readonly downMs: number;
  readonly print: (line: string) => void;
}

export const bench: Bench = {
  about: 'Four gateways, one Redis: no limit is overrun, nearly all of it is used, with Redis or without.',
  async run({ quick, print }) {
    const plan: Plan = quick
      ? { set: setOf(0.4), forMs: 10_000, downMs: 3_000, print }
      : { set: setOf(1), forMs: 60_000, downMs: 10_000, print };
    const steady = await withFleet(plan, (fleet) => steadyPhase(fleet, plan));
    const outage = await withFleet(plan, (fleet) => outagePhase(fleet, plan));
    const worstShare = Math.min(...steady.report.bounds.map(({ share }) => share));
    const failures = [...steady.loaded.failures, ...outage.loaded.failures];
    const over = Math.max(0, ...outage.report.all.map(overShare));
    return {
      figure:
        `${steady.report.violations} upstream 429s, ${percent(worstShare)} used, ${failures.length} failures; ` +
        `without Redis over by ${percent(over)} of a share, ${outage.report.violations} upstream 429s, ok again in ${outage.recoveryMs} ms`,
      wanted: '0, at least 95 %, 0; over by at most 100 % of a share, ok within 5000 ms',
      met:
        steady.report.violations === 0 &&
        worstShare >= wantedShare &&
        failures.length === 0 &&
        over <= 1 &&
        outage.degraded &&
        outage.recoveryMs <= wantedRecoveryMs,
      data: {
        steady: { ...steady.report, requests: steady.loaded.requests, costs: steady.costs },
        outage: { ...outage.report, requests: outage.loaded.requests, recoveryMs: outage.recoveryMs },
        failures: failures.slice(0, 100),
      },
    };
  },
};

async function withFleet<T>({ set }: Plan, task: (fleet: Fleet) => Promise<T>): Promise<T> {
  const fleet = await startFleet({ gateways: gatewayCount, yaml: set.yaml, plan: set.plan });
  try {
    return await task(fleet);
  } finally {
    await fleet.close();
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** By how much a limit was exceeded at worst, in shares: what one gateway may use alone. */
const overShare = ({ worstOverrun, perMinute }: Usage): number => worstOverrun / (perMinute / gatewayCount);

async function steadyPhase(
  fleet: Fleet,
  { set, forMs, print }: Plan,
): Promise<Phase & { readonly costs: object }> {
  print(`  ${clients} clients, ${gatewayCount} gateways, ${forMs / 1000} s`);
  const before = fleet.gateways.map(({ pid }) => cpuUs(pid));
  const scriptsBefore = await scriptCalls(fleet);
  const running = load({ scenes: set.scenes, urls: urlsOf(fleet), clients, forMs, seed: 1 });
  await sleep(forMs);
  // While there still is somebody who wants more; afterwards the buckets fill for nobody.
  const { bounds } = await readUsage(fleet, set.scenes);
  const loaded = await running;
  const report = { ...(await readUsage(fleet, set.scenes)), bounds };
  const cpu = fleet.gateways.reduce((sum, { pid }, index) => sum + cpuUs(pid) - (before[index] ?? 0), 0);
  const scripts = (await scriptCalls(fleet)) - scriptsBefore;
  show({ loaded, report }, print);
  const costs = { cpuUs: cpu / loaded.requests, redisScripts: scripts / loaded.requests };
  print(
    `  ${costs.cpuUs.toFixed(0)} µs CPU of gateways and ${costs.redisScripts.toFixed(2)} Redis scripts a request`,
  );
  return { loaded, report, costs };
}

async function outagePhase(fleet: Fleet, { set, forMs, downMs, print }: Plan): Promise<Outage> {
  print(`  the same, and Redis is killed after ${forMs / 2000} s and back, empty, ${downMs / 1000} s later`);
  const running = load({ scenes: set.scenes, urls: urlsOf(fleet), clients, forMs, seed: 2 });
  await sleep(forMs / 2);
  await fleet.redis.kill();
  const degradedMs = await watchHealth(fleet, 'degraded', downMs);
  await sleep(downMs - (degradedMs ?? downMs));
  await fleet.redis.restart();
  const recoveryMs = (await watchHealth(fleet, 'ok', 30_000)) ?? Number.POSITIVE_INFINITY;
  const loaded = await running;
  const report = await readUsage(fleet, set.scenes);
  show({ loaded, report }, print);
  const degraded = degradedMs !== undefined;
  print(`  told as degraded: ${degraded ? 'by all' : 'no'}; ok ${recoveryMs} ms after Redis was back`);
  return { loaded, report, degraded, recoveryMs };
}

const urlsOf = ({ gateways }: Fleet): string[] => gateways.map(({ url }) => url);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function show({ loaded, report }: Phase, print: (line: string) => void): void {
  const sorted = [...loaded.ms].sort((x, y) => x - y);
  const p = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(0);
  print(
    `  ${loaded.requests} requests, p50 ${p(0.5)} ms, p99 ${p(0.99)} ms, ${loaded.failures.length} failures`,
  );
  print(`  answers in each second: ${loaded.perSecond.join(' ')}`);
  for (const { scene, usage, share } of report.bounds)
    print(
      `  ${scene.binds.padEnd(9)}${percent(share)} used: ${usage.granted} of ${usage.most} in ${(usage.forMs / 1000).toFixed(0)} s, ` +
        `${loaded.served[scene.model] ?? 0} answers`,
    );
  for (const usage of report.all)
    if (usage.worstOverrun > 0)
      print(
        `  ${usage.instance} ${usage.measure} over by ${usage.worstOverrun} at worst, ${percent(overShare(usage))} of a share; ${usage.refused} refused`,
      );
  for (const { atMs, model, answer } of loaded.failures.slice(0, 10))
    print(
      `  at ${(atMs / 1000).toFixed(1)} s ${model}: ${answer.status} ${answer.end} ${answer.text.slice(0, 200)}`,
    );
}

/** Lua scripts run so far: each is one round trip. */
async function scriptCalls(fleet: Fleet): Promise<number> {
  const redis = new Redis(fleet.redis.url);
  try {
    const stats = await redis.info('commandstats');
    return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
      (sum, one) => sum + Number(one[1]),
      0,
    );
  } finally {
    redis.disconnect();
  }
}

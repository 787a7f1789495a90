/** Replicas on Postgres, Redis and S3 while all of these break, one after another: is anything lost, or paid twice? */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStores } from '../src/stores/open.ts';
import type { Bench } from './bench.ts';
import { Balancer, pause } from './replicas/balancer.ts';
import { readBill } from './replicas/bill.ts';
import { happenings, type Recovery, recovery } from './replicas/chaos.ts';
import { ended, judge, type Submitted, submit } from './replicas/items.ts';
import { type Scene, startScene } from './replicas/scene.ts';
import { type Seen, Traffic } from './replicas/traffic.ts';

const replicas = 3;
/** What the capped route may spend a day; its callers would spend several times as much. */
const capUsd = 0.05;
/** Requests a minute that the live model takes; its callers ask for a third more. */
const liveRpm = 1_200;
const livePerSecond = 27;

const yaml = `
server: { log: error }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/~openai/v1" }
limits:
  openai/gpt-4.1-mini: { rpm: ${liveRpm} }
  openai/gpt-4.1-nano: { batch: { concurrent: 10 } }
budgets:
  - { scope: route, route: nightly, daily: $50 }
  - { scope: route, route: capped, daily: $${capUsd} }
prices:
  openai/gpt-4.1: { input: $1, output: $4 }
retry: { rounds: 3 }
routes:
  nightly: { chain: [openai/gpt-4.1-nano@batch, openai/gpt-4.1-nano] }
  live: { chain: [openai/gpt-4.1-mini], budget: 10s }
  capped: { chain: [openai/gpt-4.1], budget: 5s }
`;

/** Waits that a proof has time for; the lease is what a paused replica outlasts. */
const batch = {
  poll: ['500ms', '1s'],
  retry: ['500ms', '1s'],
  look_again: '3s',
  lease: '8s',
  submission_items: 2_000,
};

const plan = {
  think_ms: 30,
  batches: [{ duration_ms: 4_000, item_error: 2, lost_create: 2, duplicate: 1 }],
  limits: [{ model: 'gpt-4.1-mini', rpm: liveRpm }],
  prices: [{ model: 'gpt-4.1', input: 1, output: 4 }],
};

export const bench: Bench = {
  about:
    'three replicas on Postgres, Redis and S3 that are killed, stopped and cut off: nothing lost, nothing paid twice',
  async run({ print, quick }) {
    const folder = mkdtempSync(join(tmpdir(), 'intermodal-replicas-files-'));
    const scene = await startScene({ replicas, yaml, batch, plan });
    try {
      return await play(scene, folder, quick, print);
    } finally {
      await scene.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function play(scene: Scene, folder: string, quick: boolean, print: (line: string) => void) {
  const [files, items] = quick ? [3, 2_000] : [10, 20_000];
  const chaosMs = quick ? 60_000 : 600_000;
  const times = quick ? { cutMs: 8_000, pauseMs: 10_000 } : { cutMs: 30_000, pauseMs: 20_000 };
  const balancer = new Balancer(scene.replicas);
  const live = new Traffic(balancer, { model: 'live', perSecond: livePerSecond, token: 'live' });
  const capped = new Traffic(balancer, { model: 'capped', perSecond: 5, token: 'capped' });
  live.start();
  capped.start();
  const startedMs = performance.now();
  const submitting = submitAll(balancer, folder, files, items, chaosMs / 2);
  const recoveries = await breakThings(scene, startedMs + chaosMs, chaosMs, times, print);
  const submitted = await submitting;
  const latestMs = performance.now() + 600_000;
  const outcomes = [];
  for (const one of submitted) {
    const looked = await ended(balancer, one, latestMs);
    outcomes.push(
      looked === undefined
        ? { answered: 0, failed: 0, problems: [`${one.token} has not ended`] }
        : await judge(balancer, looked, one),
    );
  }
  const [liveSeen, cappedSeen] = [await live.stop(), await capped.stop()];
  // What a dead replica held is settled by the others.
  await pause(15_000);
  const stores = await openStores(scene.postgres.address(scene.postgres.port));
  const bill = await readBill(scene.simulator.url, stores);
  await stores.close();
  const { violations } = await limitsOf(scene);
  return report(
    { outcomes, recoveries, liveSeen, cappedSeen, bill, violations, items: files * items },
    print,
  );
}

async function submitAll(
  balancer: Balancer,
  folder: string,
  files: number,
  items: number,
  withinMs: number,
): Promise<readonly Submitted[]> {
  const submitted: Submitted[] = [];
  for (let index = 0; index < files; index++) {
    submitted.push(await submit(balancer, folder, `f${index}`, items));
    await pause(withinMs / files / 2);
  }
  return submitted;
}

async function breakThings(
  scene: Scene,
  untilMs: number,
  chaosMs: number,
  times: { readonly cutMs: number; readonly pauseMs: number },
  print: (line: string) => void,
): Promise<readonly Recovery[]> {
  const list = happenings(times);
  const recoveries: Recovery[] = [];
  const beganMs = performance.now();
  let seen = 0;
  for (let index = 0; performance.now() < untilMs; index++) {
    await pause(Math.min(10_000, chaosMs / 20));
    const happening = list[index % list.length];
    if (happening === undefined) break;
    await happening.happen(scene);
    const recoveredMs = await recovery(scene);
    recoveries.push({ name: happening.name, recoveredMs });
    const { violations } = await limitsOf(scene);
    const how = recoveredMs === undefined ? 'NOT RECOVERED' : `${Math.round(recoveredMs)} ms`;
    print(
      `${Math.round((performance.now() - beganMs) / 1000)} s: ${happening.name}: ${how}${violations > seen ? `; ${violations - seen} over limits` : ''}`,
    );
    seen = violations;
    for (const { program } of scene.replicas)
      if (program?.alive() === false)
        print(`! a replica ended by itself: ${program.complaint().slice(-2_000)}`);
  }
  return recoveries;
}

async function limitsOf({ simulator }: Scene): Promise<{ readonly violations: number }> {
  const told = await fetch(`${simulator.url}/~simulator/limits`);
  return Object(await told.json());
}

interface Evidence {
  readonly outcomes: readonly {
    readonly answered: number;
    readonly failed: number;
    readonly problems: readonly string[];
  }[];
  readonly recoveries: readonly Recovery[];
  readonly liveSeen: Seen;
  readonly cappedSeen: Seen;
  readonly bill: Awaited<ReturnType<typeof readBill>>;
  readonly violations: number;
  readonly items: number;
}

function report(evidence: Evidence, print: (line: string) => void) {
  const { outcomes, recoveries, liveSeen, cappedSeen, bill, violations, items } = evidence;
  const problems = outcomes.flatMap((one) => one.problems);
  const answered = outcomes.reduce((sum, one) => sum + one.answered, 0);
  const failed = outcomes.reduce((sum, one) => sum + one.failed, 0);
  const cappedUsd = bill.nanoUsdOf('gpt-4.1') / 1e9;
  const undeclared = bill.again - bill.declared;
  const late = recoveries.filter(({ recoveredMs }) => recoveredMs === undefined).length;
  for (const problem of problems.slice(0, 20)) print(`! ${problem}`);
  print(`items: ${answered} answered, ${failed} with a reason, of ${items}`);
  print(`paid ${bill.paid}, ${bill.again} again, ${undeclared} of them not declared`);
  for (const [name, seen] of [
    ['live', liveSeen],
    ['capped', cappedSeen],
  ] as const)
    print(
      `${name}: ${seen.ok} of ${seen.asked} answered, p50 ${Math.round(seen.p50Ms)} ms, p99 ${Math.round(seen.p99Ms)} ms; others ${JSON.stringify(seen.others)}`,
    );
  print(
    `the capped route cost $${cappedUsd.toFixed(6)} of $${capUsd}; ${violations} calls over the provider’s limit`,
  );
  const met =
    problems.length === 0 &&
    answered + failed === items &&
    undeclared === 0 &&
    late === 0 &&
    violations === 0 &&
    cappedUsd <= capUsd;
  return {
    figure: `${problems.length} faulty, ${undeclared} paid twice undeclared, $${cappedUsd.toFixed(4)} of $${capUsd}, ${violations} over limits, slowest recovery ${Math.round(Math.max(0, ...recoveries.map((one) => one.recoveredMs ?? 0)))} ms`,
    wanted: 'nothing lost, nothing paid twice undeclared, budget and limits held',
    met,
    data: { ...evidence, cappedUsd, undeclared },
  };
}

/**
 * The durable queue. Killed with SIGKILL again and again, it loses and doubles nothing; under a high lane that never ends, the low lane waits no
 * longer than was computed; and what it does in a second, and for how much CPU.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { startProgram } from './fleet/program.ts';
import { killAgainAndAgain, places } from './queue/kills.ts';
import { overloadHigh, rpm } from './queue/overload.ts';
import { drain } from './queue/throughput.ts';

const plan = {
  think_ms: 20,
  faults: [
    { provider: 'killed', kind: 'outage', percent: 6 },
    { provider: 'killed', kind: 'rate-limit', percent: 2, retry_after_s: 1 },
  ],
  limits: [{ provider: 'overloaded', rpm: 2_400 }],
};

export const bench: Bench = {
  about: 'The queue: kill -9 loses and doubles nothing, the low lane’s longest wait is as computed.',
  async run({ quick, print }) {
    const folder = mkdtempSync(join(tmpdir(), 'intermodal-queue-'));
    const planFile = join(folder, 'plan.json');
    writeFileSync(planFile, JSON.stringify(plan));
    const simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
    try {
      print('killing:');
      const kills = quick ? 9 : 45;
      const outstanding = quick ? 200 : 2_000;
      const random = seeded(7);
      const killed = await killAgainAndAgain({ folder, simulator, kills, outstanding, print, random });
      for (const problem of killed.problems.slice(0, 20)) print(`! ${problem}`);
      print(
        `  ${killed.kills} kills, ${killed.places} of ${places.length} named places met; ${killed.kept} requests kept, ${killed.problems.length} lost, doubled or paid twice undeclared; ${killed.paidAgain} paid again, ${killed.unknown} calls declared unknown`,
      );
      print('overloading the high lane:');
      const handicaps = quick
        ? { high: 0, normal: 1_000, low: 3_000 }
        : { high: 0, normal: 2_000, low: 10_000 };
      const lanes = await overloadHigh({
        folder,
        simulator,
        forMs: quick ? 12_000 : 60_000,
        handicaps: { ...handicaps, high: 0 },
      });
      for (const lane of ['high', 'normal', 'low'] as const)
        print(
          `  ${lane.padEnd(6)} ${lanes.served[lane]} answered, the longest wait ${seconds(lanes.worstMs[lane])}`,
        );
      print(
        `  computed for the low lane at ${rpm} calls a minute: at most ${seconds(lanes.boundMs)}; the nearest stayed ${seconds(lanes.leastMarginMs)} under its own, ${lanes.late} did not`,
      );
      const speed = await drain({ folder, simulator, requests: quick ? 600 : 4_000 });
      print(
        `  one process, 48 workers, SQLite: ${speed.perSecond.toFixed(0)} requests a second, ${speed.cpuMsEach.toFixed(2)} ms of CPU each`,
      );
      const wrong = killed.problems.length;
      return {
        figure: `${killed.kills} kills over ${killed.kept} requests: ${wrong} lost, doubled or paid twice undeclared; the low lane's longest wait ${seconds(lanes.worstMs.low)} of ${seconds(lanes.boundMs)} computed, ${lanes.late} over; ${speed.perSecond.toFixed(0)}/s, ${speed.cpuMsEach.toFixed(2)} ms CPU each`,
        wanted: '0 lost, doubled or undeclared; no wait over its computed bound',
        met: wrong === 0 && lanes.late === 0 && lanes.served.low > 0 && (quick || killed.kept >= 2_000),
        data: { killed, lanes, speed },
      };
    } finally {
      await simulator.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** Repeatable: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Canaries that go bad in the middle of their rollout, in how often they fail, how long they take, what they cost: each must be rolled back
 * within the window that its gates look at, and callers must see nothing of it. One that stays well must come to take everything.
 */
import type { Bench } from './bench.ts';
import { play, type Scenario, type Told, windowMs } from './canary/scene.ts';

const failing = { kind: 'outage', status: 500, percent: 25 };
const throttled = { kind: 'rate-limit', retry_after_s: 0, percent: 40 };
const slow = { kind: 'slow', delay_ms: 1_000 };
const dear = { kind: 'verbose', words: 120 };
const strict = { kind: 'refuse-shape' };

const quickScenarios: readonly Scenario[] = [
  { name: 'one in four requests fails', fault: failing, gate: 'error rate', phase: 0 },
  { name: 'answers take five times as long', fault: slow, gate: '95th percentile', phase: 0 },
  { name: 'answers are five times as long, and as dear', fault: dear, gate: 'cost', phase: 0 },
  { name: 'healthy', phase: 0 },
];

const scenarios: readonly Scenario[] = [
  ...quickScenarios,
  { name: 'one in four requests fails, at 50 %', fault: failing, gate: 'error rate', phase: 1 },
  { name: 'answers take five times as long, at 50 %', fault: slow, gate: '95th percentile', phase: 1 },
  { name: 'answers are five times as dear, at 50 %', fault: dear, gate: 'cost', phase: 1 },
  { name: 'one in four requests fails, at 100 %', fault: failing, gate: 'error rate', phase: 2 },
  { name: 'answers take five times as long, at 100 %', fault: slow, gate: '95th percentile', phase: 2 },
  { name: 'two in five requests are throttled', fault: throttled, gate: 'error rate', phase: 0 },
  { name: 'refuses what the usual model takes', fault: strict, gate: 'error rate', phase: 0 },
  { name: 'healthy, once more', phase: 0 },
];

export const bench: Bench = {
  about: 'Canaries that get worse are rolled back within their window, unseen; a healthy one takes all.',
  async run({ quick, print }) {
    const told: Told[] = [];
    for (const scenario of quick ? quickScenarios : scenarios) {
      const one = await play(scenario, 32);
      told.push(one);
      print(row(one));
    }
    const bad = told.filter(({ rolledBackMs }) => rolledBackMs !== undefined);
    const slowest = Math.max(0, ...bad.map(({ rolledBackMs = 0 }) => rolledBackMs));
    const refused = told.reduce((sum, one) => sum + one.refused, 0);
    const met = told.filter((one) => one.met).length;
    return {
      figure: `${met} of ${told.length} as wanted; slowest rollback ${seconds(slowest)}; callers saw ${refused} errors`,
      wanted: `all; each rollback within the window of ${seconds(windowMs)}; 0`,
      met: met === told.length,
      data: { told },
    };
  },
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function row(one: Told): string {
  const { name, ended, why, rolledBackMs, canary, requests, exposed, refused, lastShare, met } = one;
  const when = rolledBackMs === undefined ? ended : `rolled back after ${seconds(rolledBackMs)} (${why})`;
  return (
    `${met ? 'pass' : 'FAIL'}  ${name}: ${when}; the canary got ${canary} of ${requests} requests` +
    `${rolledBackMs === undefined ? '' : `, ${exposed} of them while it was worse`}; ` +
    `callers saw ${refused} errors; at the end it gets ${Math.round(lastShare * 100)} %`
  );
}

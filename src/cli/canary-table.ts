/** One canary as `intermodal canary` tells it: where it is in its phases, what both sides do, and how its gates see that. */
import type { Canary, CanaryState } from '../router/canary/contract.ts';
import { countOf, type Figures } from '../router/canary/figures.ts';
import { type GateReading, judge, percentile95 } from '../router/canary/gates.ts';
import type { BothArms } from '../router/canary/notes.ts';
import { type CanaryRecord, shareOf, stateAt } from '../router/canary/phase.ts';
import { table } from './table.ts';

export interface CanaryView {
  readonly route: string;
  /** `waiting`: no gateway has met it yet. */
  readonly state: CanaryState['kind'] | 'waiting';
  readonly share: number;
  readonly phase?: number;
  readonly why?: string;
  readonly startedAt?: string;
  readonly rolledBackAt?: string;
  readonly phases: readonly { readonly share: number; readonly forMs: number; readonly endsAt?: string }[];
  readonly canary?: ArmView;
  readonly usual?: ArmView;
  readonly gates: readonly GateReading[];
}

interface ArmView {
  readonly requests: number;
  readonly failed: number;
  readonly p95Ms?: number;
  readonly costUsd?: number;
  readonly compared?: number;
  readonly agreed?: number;
}

export function viewOf(
  route: string,
  canary: Canary,
  record: CanaryRecord | undefined,
  both: BothArms | undefined,
  nowMs: number,
): CanaryView {
  let endsAtMs = record?.startedAtMs;
  const phases = canary.phases.map(({ share, forMs }) => {
    if (endsAtMs === undefined) return { share, forMs };
    endsAtMs += forMs;
    return { share, forMs, endsAt: iso(endsAtMs) };
  });
  if (record === undefined || both === undefined)
    return { route, state: 'waiting', share: 0, phases, gates: [] };
  const state = stateAt(canary, record, nowMs);
  return {
    route,
    state: state.kind,
    share: shareOf(state),
    ...(state.kind === 'running' ? { phase: state.phase + 1 } : {}),
    ...(state.kind === 'rolled-back' ? { why: state.why, rolledBackAt: iso(state.atMs) } : {}),
    startedAt: iso(record.startedAtMs),
    phases,
    canary: armView(both.canary),
    usual: armView(both.usual),
    gates: judge(canary.gates, both.canary, both.usual, both.old),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

function armView(figures: Figures): ArmView {
  const { requests, failed, costs, compared, agreed } = figures;
  const p95Ms = percentile95(figures.durations);
  return {
    requests,
    failed,
    ...(p95Ms === undefined || countOf(figures.durations) === 0 ? {} : { p95Ms: Math.round(p95Ms) }),
    ...(costs.count === 0 ? {} : { costUsd: costs.sum / costs.count / 1e9 }),
    ...(compared === 0 ? {} : { compared, agreed }),
  };
}

export function canaryTable(view: CanaryView): string {
  const lines = [headline(view), ''];
  lines.push(
    table(
      ['phase', 'share', 'until', ''],
      view.phases.map(({ share, endsAt }, index) => [
        String(index + 1),
        percent(share),
        endsAt?.slice(0, 19).replace('T', ' ') ?? '-',
        view.phase === index + 1 ? 'now' : '',
      ]),
    ),
  );
  const { canary, usual, gates } = view;
  if (canary === undefined || usual === undefined) return lines.join('\n');
  lines.push(
    '',
    table(
      ['lately', 'requests', 'failed', 'p95', 'cost'],
      [armRow('canary', canary), armRow('usual', usual)],
    ),
  );
  if (gates.length > 0)
    lines.push(
      '',
      table(
        ['gate', 'limit', 'verdict'],
        gates.map(({ gate, limit, verdict }) => [gate, limitText(gate, limit), verdict]),
      ),
    );
  return lines.join('\n');
}

function headline({ route, state, share, phase, phases, why, rolledBackAt }: CanaryView): string {
  switch (state) {
    case 'waiting':
      return `${route}: no gateway has met this canary yet`;
    case 'running':
      return `${route}: phase ${phase} of ${phases.length}, ${percent(share)} of requests`;
    case 'done':
      return `${route}: through, ${percent(share)} of requests`;
    case 'rolled-back':
      return `${route}: rolled back at ${rolledBackAt?.slice(0, 19).replace('T', ' ')}: ${why}`;
  }
}

function armRow(name: string, { requests, failed, p95Ms, costUsd }: ArmView): string[] {
  return [
    name,
    String(requests),
    String(failed),
    p95Ms === undefined ? '-' : `${p95Ms} ms`,
    costUsd === undefined ? '-' : `$${costUsd.toPrecision(3)}`,
  ];
}

function limitText(gate: GateReading['gate'], limit: number): string {
  switch (gate) {
    case 'error_rate':
      return `${percent(limit)} more`;
    case 'p95':
    case 'cost':
      return `${limit} times`;
    case 'agreement':
      return `at least ${percent(limit)}`;
  }
}

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;

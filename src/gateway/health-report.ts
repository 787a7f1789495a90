/** `/health`: what an operator looks at first. */
import type { LimitsHealth } from '../limits/contract.ts';
import type { CanaryState } from '../router/canary/contract.ts';
import type { CanaryReport } from '../router/canary/watch.ts';
import type { Standing } from '../router/health.ts';
import type { GatewayWorld } from './world.ts';

export interface HealthReport {
  readonly status: 'ok' | 'degraded' | 'draining';
  readonly version: string;
  readonly config: {
    readonly version: number;
    readonly loadedAt: string;
    /** Why the newest file on disk was refused; empty while it runs. */
    readonly refused: readonly string[];
    readonly warnings: readonly string[];
  };
  readonly store: { readonly status: 'ok' | 'away' };
  /** Where limits and budgets are kept, and whether they can be reached. */
  readonly limits: LimitsHealth;
  readonly ledger: { readonly pending: number };
  /** Requests whose callers do not hold the line. */
  readonly queue?: { readonly waiting: number; readonly calling: number; readonly oldestMs: number };
  /** Routes that have a canary: how it stands, and why it was rolled back. */
  readonly canaries: Readonly<Record<string, CanaryHealth>>;
  /** Targets that have been called, by name. */
  readonly targets: Readonly<Record<string, { readonly standing: Standing; readonly untilMs?: number }>>;
}

export interface CanaryHealth {
  readonly state: CanaryState['kind'];
  readonly share: number;
  /** From 1. */
  readonly phase?: number;
  readonly why?: string;
  readonly since?: string;
}

export async function healthReport(world: GatewayWorld, draining: boolean): Promise<HealthReport> {
  const { version, loadedAtMs, problems, warnings } = world.configStatus();
  const targets: Record<string, { standing: Standing; untilMs?: number }> = {};
  for (const { target, view } of world.health.list()) {
    targets[target] = { standing: view.standing, ...(view.untilMs === 0 ? {} : { untilMs: view.untilMs }) };
  }
  const limits = world.limits.health();
  const storeAnswers = await world.readiness.storeAnswers();
  const troubled =
    !storeAnswers ||
    problems.length > 0 ||
    limits.status !== 'ok' ||
    world.ledger.full ||
    Object.values(targets).some(({ standing }) => standing !== 'ready');
  return {
    status: draining ? 'draining' : troubled ? 'degraded' : 'ok',
    version: world.version,
    config: { version, loadedAt: new Date(loadedAtMs).toISOString(), refused: problems, warnings },
    store: { status: storeAnswers ? 'ok' : 'away' },
    limits,
    ledger: { pending: world.ledger.pending },
    ...(world.queue === undefined ? {} : { queue: world.queue.health() }),
    canaries: Object.fromEntries(world.canaries.list().map((one) => [one.route, canaryHealth(one)])),
    targets,
  };
}

function canaryHealth({ state, share }: CanaryReport): CanaryHealth {
  switch (state.kind) {
    case 'running':
      return { state: state.kind, share, phase: state.phase + 1 };
    case 'rolled-back':
      return { state: state.kind, share, why: state.why, since: new Date(state.atMs).toISOString() };
    case 'done':
      return { state: state.kind, share };
  }
}

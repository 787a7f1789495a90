/** Metrics that are read when somebody asks, from those who know. */

import type { ResponseCache } from '../cache/contract.ts';
import type { Calibration } from '../catalog/calibration.ts';
import type { Limits } from '../limits/contract.ts';
import type { MetricSet } from './metrics.ts';

interface CanaryRow {
  readonly route: string;
  readonly share: number;
  readonly state: { readonly kind: string };
}

export interface GaugeSources {
  readonly limits: Limits;
  readonly ledger: { readonly pending: number; readonly oldestMs: number };
  readonly estimates: Calibration;
  readonly health: {
    list(): readonly { readonly target: string; readonly view: { readonly standing: string } }[];
  };
  readonly line: { readonly length: number };
  readonly canaries: { list(): readonly CanaryRow[] };
  readonly cache: Pick<ResponseCache, 'size'>;
}

export function addGauges(
  set: MetricSet,
  { limits, ledger, estimates, health, line, canaries, cache }: GaugeSources,
): void {
  const one = (value: number) => [{ labels: {}, value }];
  set.gauge('intermodal_cache_bytes', 'Kept answers that this process holds, in bytes.', [], () =>
    one(cache.size().bytes),
  );
  set.gauge('intermodal_ledger_pending', 'Ledger entries that are not durable yet.', [], () =>
    one(ledger.pending),
  );
  set.gauge(
    'intermodal_ledger_oldest_seconds',
    'How long the oldest of them has waited to be durable.',
    [],
    () => one(ledger.oldestMs / 1000),
    'max',
  );
  set.gauge('intermodal_waiting_requests', 'Requests that wait for a place or for money.', [], () =>
    one(line.length),
  );
  set.gauge(
    'intermodal_limits_degraded',
    '1 while shared limits are out of reach.',
    [],
    () => one(limits.health().status === 'ok' ? 0 : 1),
    'max',
  );
  set.gauge(
    'intermodal_target_ready',
    '1 while a target may be called.',
    ['target'],
    () =>
      health
        .list()
        .map(({ target, view }) => ({ labels: { target }, value: view.standing === 'ready' ? 1 : 0 })),
    'average',
  );
  set.gauge(
    'intermodal_canary_share',
    'Share of the requests of a route that its canary gets now.',
    ['route'],
    () => canaries.list().map(({ route, share }) => ({ labels: { route }, value: share })),
  );
  set.gauge(
    'intermodal_canary_rolled_back',
    '1 where the canary of a route was rolled back.',
    ['route'],
    () =>
      canaries
        .list()
        .map(({ route, state }) => ({ labels: { route }, value: state.kind === 'rolled-back' ? 1 : 0 })),
  );
  set.gauge(
    'intermodal_estimate_error_ratio',
    'Mean error of the estimate of input tokens, of what the provider counted.',
    ['model'],
    () =>
      estimates
        .errors()
        .map(({ model, meanAbsoluteError }) => ({ labels: { model }, value: meanAbsoluteError })),
    'average',
  );
  set.gauge(
    'intermodal_estimate_bias_ratio',
    'Mean signed error of the estimate of input tokens; above 0 we estimate too much.',
    ['model'],
    () => estimates.errors().map(({ model, bias }) => ({ labels: { model }, value: bias })),
    'average',
  );
}

/** What cascades need, wired together for one running gateway. */
import type { Clock } from '../core/clock.ts';
import { AuditQueue } from '../gateway/cascade/audit-queue.ts';
import type { CascadeWorld } from '../gateway/cascade/world.ts';
import { Thresholds } from '../router/cascade/threshold.ts';
import { createPacker } from '../router/complexity/features.ts';
import type { Stores } from '../stores/contract.ts';
import { CascadeMetrics } from '../telemetry/cascade-metrics.ts';
import { LabelWriter } from '../telemetry/label-writer.ts';
import type { Log } from '../telemetry/log.ts';
import type { MetricSet } from '../telemetry/metrics.ts';

export interface OpenCascades {
  readonly world: CascadeWorld;
  /** Audits end; labels that are known are written. */
  close(): Promise<void>;
}

const dayMs = 86_400_000;
/** Labels of half a year: traffic and models of before say little of those of today. */
const keptMs = 180 * dayMs;

export function openCascades(
  { labels: store }: Pick<Stores, 'labels'>,
  set: MetricSet,
  clock: Clock,
  log: Log,
): OpenCascades {
  const thresholds = new Thresholds({
    labels: store,
    clock,
    onTrouble: (error) =>
      log.warn({ err: error }, 'the labels cannot be read; cascades keep what they have learnt'),
  });
  const labels = new LabelWriter(store, clock, {
    onTrouble: (error, kept) => log.warn({ err: error, kept }, 'labels cannot be written; tried again'),
  });
  const audits = new AuditQueue();
  let cancel = clock.after(dayMs, prune);
  function prune(): void {
    cancel = clock.after(dayMs, prune);
    store.prune(clock.now() - keptMs).catch((thrown: unknown) => {
      log.warn({ err: thrown }, 'old labels cannot be removed');
    });
  }
  const metrics = new CascadeMetrics(set, () => thresholds.views());
  return {
    world: { thresholds, labels, audits, metrics, packFeatures: createPacker() },
    async close() {
      cancel();
      audits.close();
      await thresholds.close();
      await labels.flush();
    },
  };
}

/** What cascades are given beside the rest of the gateway's world. */

import type { Thresholds } from '../../router/cascade/threshold.ts';
import type { Prompt } from '../../router/complexity/contract.ts';
import type { CascadeMetrics } from '../../telemetry/cascade-metrics.ts';
import type { LabelWriter } from '../../telemetry/label-writer.ts';
import type { AuditQueue } from './audit-queue.ts';

export interface CascadeWorld {
  readonly thresholds: Thresholds;
  readonly labels: LabelWriter;
  readonly audits: AuditQueue;
  readonly metrics: CascadeMetrics;
  /** What is kept of a request beside its label, for learning; absent: nothing. */
  packFeatures?(prompt: Prompt): string | undefined;
}

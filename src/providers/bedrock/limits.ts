/**
 * What one batch job may hold. AWS's defaults, as Service Quotas and the user guide list them for nearly every model (November 2026); an
 * account with others says so in its settings.
 */
import type { BatchLimits } from '../contract.ts';
import { envelopeBytes } from './records.ts';
import type { BatchSettings } from './settings.ts';

const hourMs = 60 * 60_000;

const defaults = {
  /** "Records per input file". A job may have several files; ours has one. */
  mostItems: 50_000,
  /** "Batch inference input file size", 1 GB: as the smaller gigabyte, since a job over it fails whole. */
  mostBytes: 1_000_000_000,
  /** "Minimum number of records per batch inference job". */
  leastItems: 100,
  /** The least that may be asked for; a job that waits longer is of no use to most. */
  windowHours: 24,
};

export function windowHours({ timeout_hours: hours }: BatchSettings): number {
  return hours ?? defaults.windowHours;
}

export function batchLimits(configured: BatchSettings): BatchLimits {
  return {
    mostItems: configured.most_items ?? defaults.mostItems,
    mostBytes: configured.most_bytes ?? defaults.mostBytes,
    leastItems: configured.least_items ?? defaults.leastItems,
    envelopeBytes,
    windowMs: windowHours(configured) * hourMs,
  };
}

/** A cascade of the queue, told to those who count, and to whoever learns by it. */
import type { BookedCall } from '../router/booked.ts';
import type { Route } from '../router/contract.ts';
import type { Cascaded } from './cascaded.ts';
import type { QueueWorld } from './world.ts';

export function tellOf(
  { cascades, clock }: Pick<QueueWorld, 'cascades' | 'clock'>,
  id: string,
  { name, cascade }: Route,
  { outcome, why, verdict, agreed, compared }: Cascaded,
  calls: readonly BookedCall[],
): void {
  cascades.metrics.answer(name, outcome, why);
  if (verdict === undefined || cascade === undefined) return;
  cascades.thresholds.heard(name, cascade, verdict);
  if (compared === undefined || agreed === undefined) return;
  const broken = why === 'unfinished' || why === 'schema';
  const strongNanoUsd = costOf(calls.slice(-1));
  cascades.labels.add({
    id,
    route: name,
    atMs: clock.now(),
    kind: 'escalation',
    ...compared,
    agreed,
    cheapNanoUsd: costOf(calls) - strongNanoUsd,
    strongNanoUsd,
    ...(verdict.raw === undefined || broken ? {} : { confidence: verdict.raw }),
  });
}

/** Of several calls together. */
export function costOf(calls: readonly BookedCall[]): number {
  return calls.reduce((sum, booked) => sum + booked.sums().costNanoUsd, 0);
}

/**
 * Audits of items: a share of accepted answers is asked of the strong model too, by a single call off the item's path. The item is done, and its
 * batch waits for nobody. Audits run a few at a time, at low priority, under every limit and budget of targets; what finds their queue
 * full is not audited, and what a crash takes is not made good: a smaller sample is a sample.
 *
 * An audit is no part of what its batch cost. The ledger has it under the batch's id, tagged `audit`.
 */

import type { Answer } from '../../core/answer.ts';
import { asGatewayError } from '../../core/errors.ts';
import { present } from '../../core/present.ts';
import { BookedCall } from '../../router/booked.ts';
import { comparedField, sayTheSame } from '../../router/cascade/agreement.ts';
import type { Cascade } from '../../router/cascade/contract.ts';
import { findRoute } from '../../router/find-route.ts';
import { HandSink } from '../../router/hand-sink.ts';
import type { Label } from '../../stores/routing/contract.ts';
import type { AuditOutcome } from '../../telemetry/cascade-metrics.ts';
import type { Batch, Lane } from '../contract.ts';
import { aloneChain } from '../lanes.ts';
import type { ItemCall } from '../shape/contract.ts';
import type { BatchWorldInside } from '../world.ts';
import { featuresFor } from './features.ts';

export interface Accepted {
  readonly first: Answer;
  /** All that is known before the strong model has answered. */
  readonly label: Omit<Label, 'strong' | 'strongNanoUsd' | 'agreed'>;
  call(): ItemCall;
}

const noLimits = { meters: [], places: [] };

/** `strong`: whose chain is asked. */
export function offerAudit(
  world: BatchWorldInside,
  batch: Batch,
  strong: Lane,
  cascade: Cascade,
  accepted: Accepted,
): void {
  if (strong.role !== 'strong' || world.random() >= cascade.auditShare) return;
  const call = accepted.call();
  const count = (outcome: AuditOutcome): void => world.cascades.metrics.audit(strong.route, outcome);
  const taken = world.cascades.audits.offer(call.bodyBytes, async () => {
    try {
      count(await audit(world, batch, strong, cascade, { ...accepted, call: () => call }));
    } catch (thrown) {
      const error = asGatewayError(thrown);
      world.log.error({ id: accepted.label.id, err: error.cause ?? error }, 'defect in an audit');
      count('failed');
    }
  });
  if (!taken) count('dropped');
}

async function audit(
  world: BatchWorldInside,
  batch: Batch,
  strong: Lane,
  cascade: Cascade,
  { first, label, call }: Accepted,
): Promise<AuditOutcome> {
  const policy = world.policy();
  const [target, ...others] = aloneChain(strong, policy);
  if (target === undefined) return 'failed';
  const steps = [target, ...others].map((one) => ({ options: [{ target: one, weight: 1 }] }));
  const { cascade: _cascade, canary: _canary, cache: _cache, ...terms } = findRoute(policy, strong.model);
  const caller = world.payer(batch.owner)?.caller;
  const item = call();
  const booked = new BookedCall(
    { ...world, walk: { ...world.walk, observe: () => {} } },
    {
      ...item,
      id: `${item.id}:audit-${world.makeId('').slice(-8)}`,
      tags: [...item.tags, 'audit'],
      priority: 'low',
      startedAtMs: world.clock.now(),
      budgetMs: terms.budgetMs,
      ...(caller === undefined ? {} : { caller: { ...caller, limits: noLimits } }),
    },
    { ...terms, rules: [], chain: steps },
  );
  const sink = new HandSink();
  const release = world.cascades.audits.onClose(() => sink.close());
  try {
    await world.ledger.append([booked.intent(target, booked.firstId)]);
    const came = await booked.ask({ policy, checked: true, sink });
    await world.ledger.append([...booked.entries()]);
    if (came.kind !== 'answer' || came.answer === undefined || !('choices' in came.answer)) return 'failed';
    const agreed = sayTheSame(first, came.answer, comparedField(cascade));
    if (agreed === undefined) return 'incomparable';
    const strongNanoUsd = booked.sums().costNanoUsd;
    const features = present({ features: featuresFor(item, terms) });
    await world.labels.add([
      { ...label, ...features, strong: came.served.target.name, strongNanoUsd, agreed },
    ]);
    return agreed ? 'agreed' : 'differed';
  } finally {
    release();
  }
}

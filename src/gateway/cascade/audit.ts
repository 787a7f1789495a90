/**
 * Audits: a share of accepted answers is asked of the strong model too, after the caller has its answer. It runs at low priority under every
 * limit and budget, tagged `audit` in the ledger, and takes nothing of the caller's own rate limits.
 */
import { asGatewayError } from '../../core/errors.ts';
import type { AuditOutcome } from '../../telemetry/cascade-metrics.ts';
import type { GatewayWorld } from '../world.ts';
import { askAside } from './aside.ts';
import type { Question } from './ask.ts';
import { type Compared, writeLabel } from './label.ts';
import type { CascadeWorld } from './world.ts';

export type Accepted = Pick<Compared, 'call' | 'route' | 'cascade' | 'verdict' | 'cheap'> &
  Pick<Question, 'policy'>;

export function offerAudit(world: GatewayWorld, cascades: CascadeWorld, accepted: Accepted): void {
  const { cascade, route, call } = accepted;
  if (world.random() >= cascade.auditShare) return;
  const count = (outcome: AuditOutcome): void => cascades.metrics.audit(route.name, outcome);
  const taken = cascades.audits.offer(call.bodyBytes, async () => {
    try {
      count(await audit(world, cascades, accepted));
    } catch (thrown) {
      const error = asGatewayError(thrown);
      world.log.error({ requestId: call.id, err: error.cause ?? error }, 'defect in an audit');
      count('failed');
    }
  });
  if (!taken) count('dropped');
}

async function audit(world: GatewayWorld, cascades: CascadeWorld, accepted: Accepted): Promise<AuditOutcome> {
  const steps = accepted.cascade.escalate;
  const { answer, target, tried } = await askAside(world, cascades, { ...accepted, steps });
  if (answer === undefined || target === undefined) return 'failed';
  const agreed = writeLabel(world, cascades, {
    ...accepted,
    kind: 'audit',
    strong: { target: target.name, answer, nanoUsd: tried.at(-1)?.spent?.costNanoUsd ?? 0 },
  });
  if (agreed === undefined) return 'incomparable';
  return agreed ? 'agreed' : 'differed';
}

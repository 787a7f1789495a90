/** Where a submission goes, and where it is looked for from then on: its target, and the batch API of that. */
import type { BatchEndpoint } from '../providers/contract.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Submission } from './contract.ts';
import { batchEndpointOf } from './lanes.ts';
import type { BatchWorldInside } from './world.ts';

export interface Destination {
  readonly target: Target;
  readonly endpoint: BatchEndpoint;
}

/** `undefined`: it is not configured any more, or has no batch API now. */
export function destinationOf(
  world: Pick<BatchWorldInside, 'policy'>,
  submission: Pick<Submission, 'target' | 'operation'>,
): Destination | undefined {
  const target = world.policy().target(submission.target);
  const endpoint = target === undefined ? undefined : batchEndpointOf(target, submission.operation);
  return target === undefined || endpoint === undefined ? undefined : { target, endpoint };
}

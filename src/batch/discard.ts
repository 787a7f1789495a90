/** What a collected submission left at its provider is taken away. Best effort: what stays goes by the provider's own retention. */
import { asGatewayError } from '../core/errors.ts';
import type { BatchEndpoint } from '../providers/contract.ts';
import type { Submission } from './contract.ts';
import { jobOf } from './submit.ts';
import type { BatchWorldInside } from './world.ts';

export async function discard(
  world: Pick<BatchWorldInside, 'at' | 'log'>,
  submission: Submission,
  endpoint: BatchEndpoint,
): Promise<void> {
  if (endpoint.discard === undefined || submission.handle === undefined) return;
  try {
    await world.at('discard: before the call');
    await endpoint.discard(submission.handle, jobOf(submission));
    await world.at('discard: after the call');
  } catch (thrown) {
    const { code } = asGatewayError(thrown);
    world.log.warn({ submission: submission.id, code }, 'what a submission left at its provider stays there');
  }
}

/** What became of items that an ended submission's results say nothing of, by how the whole ended. */
import { GatewayError } from '../core/errors.ts';
import type { ItemError, Submission } from './contract.ts';
import { errorOf } from './item-error.ts';
import type { Failure } from './judge.ts';

export function failureOfMissing({ how, error: last }: Submission): Failure {
  // What was only not found for a while says nothing of how it ended.
  const error = last?.times === undefined ? last : undefined;
  if (how === 'refused' || (how === 'failed' && error !== undefined))
    return { kind: 'refused', error: error ?? goneError('missing') };
  if (how === 'expired') return { kind: 'expired', error: goneError('expired') };
  if (how === 'cancelled') return { kind: 'cancelled', error: goneError('cancelled') };
  if (error !== undefined && how !== 'completed') return { kind: 'missing', error };
  return { kind: 'missing', error: goneError('missing') };
}

export function goneError(kind: 'expired' | 'cancelled' | 'missing'): ItemError {
  const error =
    kind === 'expired'
      ? new GatewayError('deadline_exceeded', 'The provider’s batch ended before it came to this item.')
      : kind === 'cancelled'
        ? new GatewayError('cancelled', 'The provider’s batch was stopped before it came to this item.')
        : new GatewayError('upstream_truncated', 'The provider’s results say nothing of this item.');
  return errorOf(error);
}

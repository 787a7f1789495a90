/** Why an item has no answer, where it was nobody's failure. */
import { GatewayError } from '../core/errors.ts';
import type { ItemError } from './contract.ts';
import { errorOf } from './item-error.ts';

export function defaultError(kind: 'rejected' | 'dead' | 'cancelled' | 'expired'): ItemError {
  return errorOf(
    kind === 'cancelled'
      ? new GatewayError('cancelled', 'The batch was cancelled before this item was answered.')
      : new GatewayError('deadline_exceeded', 'The batch’s deadline passed before this item was answered.'),
  );
}

/** What came of an item of a batch, as the caller of the request in it would have got it over a held line. */
import type { FinalItem, Provenance } from '../batch/shape/contract.ts';
import { GatewayError } from '../core/errors.ts';
import { decimalDollars } from '../core/price.ts';
import type { QueueRows } from '../stores/queue/contract.ts';
import type { RenderError } from './gathering/contract.ts';

export type SettledRequest = Parameters<QueueRows['settleBatched']>[0][number];

/** Its `custom_id` is the request's id. */
export function settledBy(item: FinalItem, dialect: string, render: RenderError): SettledRequest {
  const { customId: id } = item;
  if (item.kind !== 'done') {
    const { code, message } = item.error;
    const settled = failedWith(id, new GatewayError(code, message), dialect, render);
    return item.kind === 'cancelled' ? { ...settled, state: 'cancelled' } : settled;
  }
  const { target, attempts, costNanoUsd, listNanoUsd, cascade } = item.provenance;
  const saved = listNanoUsd - costNanoUsd;
  return {
    id,
    state: 'answered',
    answer: {
      status: 200,
      body: item.body,
      headers: {
        ...(target === '' ? {} : { 'x-intermodal-target': target }),
        'x-intermodal-attempts': String(attempts),
        'x-intermodal-cost': decimalDollars(costNanoUsd),
        ...(saved > 0 ? { 'x-intermodal-saved': decimalDollars(saved) } : {}),
        ...(cascade === undefined ? {} : { 'x-intermodal-cascade': writeCascade(cascade) }),
      },
    },
    costNanoUsd,
  };
}

export function failedWith(
  id: string,
  error: GatewayError,
  dialect: string,
  render: RenderError,
): SettledRequest {
  return { id, state: 'failed', answer: render(dialect, error, id), costNanoUsd: 0 };
}

/** `accepted; confidence=0.91`, as a held line is told. */
function writeCascade({ outcome, confidence }: NonNullable<Provenance['cascade']>): string {
  return confidence === undefined ? outcome : `${outcome}; confidence=${confidence.toFixed(2)}`;
}

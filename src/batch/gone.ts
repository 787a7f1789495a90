/** Whether a provider says that it has a job no more, or what came of it: somebody removed it there, or we did, before a store was restored. */
import type { GatewayError } from '../core/errors.ts';
import { errorOf } from './item-error.ts';
import type { Held } from './steps.ts';

/** Looks in a row that must have found nothing where a 404 may be of another thing than the job. */
const looksForGone = 3;

/**
 * No model is named by what is asked of a job, so a 404 is of the job; but an address that is wrong for a while answers so too. How often it
 * came is kept with the submission, since whoever looks next may be another process.
 */
export async function isGone(held: Held, error: GatewayError): Promise<boolean> {
  if (error.code === 'not_found') return true;
  if (error.code !== 'model_not_found') {
    await isThere(held);
    return false;
  }
  const times = (held.submission.error?.times ?? 0) + 1;
  await held.patch({ error: { ...errorOf(error), times } });
  return times >= looksForGone;
}

/** A look that ended otherwise: what was not found before is counted anew. */
export async function isThere(held: Held): Promise<void> {
  const { error } = held.submission;
  if (error?.times !== undefined && error.times > 0) await held.patch({ error: { ...error, times: 0 } });
}

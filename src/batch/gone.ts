/** Whether a provider says that it has a job no more, or what came of it: somebody removed it there, or we did, before a store was restored. */
import type { GatewayError } from '../core/errors.ts';

/** Looks that must all have found nothing where a 404 may be of another thing than the job. */
export const looksForGone = 3;

/** No model is named by what is asked of a job, so a 404 is of the job; but an address that is wrong for a while answers so too. */
export function isGone(error: GatewayError, looks: number): boolean {
  return error.code === 'not_found' || (maybeGone(error) && looks >= looksForGone);
}

export const maybeGone = (error: GatewayError): boolean => error.code === 'model_not_found';

/** An error as an item keeps it. */
import type { GatewayError } from '../core/errors.ts';
import type { ItemError } from './contract.ts';

export function errorOf(error: GatewayError): ItemError {
  const upstream = error.upstream?.type;
  return {
    code: error.code,
    message: error.message,
    status: error.upstream?.status ?? error.status,
    ...(upstream === undefined ? {} : { upstream }),
  };
}

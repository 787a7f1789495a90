/** Who may come in. Without keys, only callers on this machine; with keys, whoever sends one that is allowed what it asks for. */
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../core/errors.ts';
import type { Route } from '../router/contract.ts';
import { type KeyRing, mayUse, type OpenKey } from './key-ring.ts';

/** `undefined`: no key is asked for. Throws `invalid_key`. */
export function authenticate(keys: KeyRing, incoming: IncomingMessage): OpenKey | undefined {
  if (keys.inUse) return keys.find(incoming.headers);
  if (isLocal(incoming.socket.remoteAddress)) return undefined;
  throw new GatewayError(
    'invalid_key',
    'This gateway has no keys yet and serves its own machine alone. Make one there: intermodal keys create --name NAME.',
  );
}

/** For inference. Throws `forbidden`. */
export function authorize(key: OpenKey | undefined, model: string, route: Route): void {
  if (key === undefined) return;
  refuseAdmin(key);
  if (!mayUse(key, route.name) && !mayUse(key, model))
    throw new GatewayError('forbidden', `The key "${key.record.name}" may not use "${model.slice(0, 200)}".`);
}

/** For batches, whose items are authorised one by one when they are read. Throws `forbidden`. */
export function authorizeBatches(key: OpenKey | undefined): void {
  if (key !== undefined) refuseAdmin(key);
}

function refuseAdmin(key: OpenKey): void {
  if (key.record.admin)
    throw new GatewayError(
      'forbidden',
      'An admin key opens the admin endpoints, not models. Make another key for apps.',
    );
}

/** For the admin endpoints. Throws `invalid_key` or `forbidden`. */
export function authorizeAdmin(keys: KeyRing, incoming: IncomingMessage): void {
  const key = authenticate(keys, incoming);
  if (key !== undefined && !key.record.admin)
    throw new GatewayError(
      'forbidden',
      'The admin endpoints want an admin key: intermodal keys create --admin.',
    );
}

export function isLocal(address: string | undefined): boolean {
  if (address === undefined) return false;
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

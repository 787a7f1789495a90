/** One authenticated call, whatever its body is. */
import { GatewayError } from '../../core/errors.ts';
import type { WireRequest } from '../contract.ts';
import type { AddressOf, Publisher } from './address.ts';
import type { Authenticate } from './auth.ts';

export type Post = (
  publisher: Publisher,
  model: string,
  verb: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
) => WireRequest | Promise<WireRequest>;

export function createPost(
  provider: string,
  address: AddressOf | undefined,
  authenticate: Authenticate,
): Post {
  return (publisher, model, verb, body, headers) => {
    if (address === undefined)
      throw new GatewayError('upstream_auth', `Provider "${provider}" has no project here.`);
    const build = (auth: Readonly<Record<string, string>>): WireRequest => ({
      method: 'POST',
      ...address(publisher, model, verb),
      headers: { ...headers, ...auth, 'content-type': 'application/json' },
      body,
    });
    const auth = authenticate();
    return auth instanceof Promise ? auth.then(build) : build(auth);
  };
}

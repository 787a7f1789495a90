/**
 * One POST to a caller's webhook. A connection for each, and closed after: nothing is kept of what callers name.
 *
 * Redirects are answers like any other, so none is followed. Of the answer only its status matters; a little of its body is read, so that
 * well-behaved servers see their answer taken.
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { buildConnector, Client } from 'undici';
import type { Clock } from '../../core/clock.ts';
import { isPublicAddress, webhookUrlProblem } from './address.ts';

export type Sent =
  | { readonly kind: 'answered'; readonly status: number }
  /** `reason`: a word or two, and never what a server wrote. `final`: another try would end the same. */
  | { readonly kind: 'failed'; readonly reason: string; readonly final: boolean };

export type Send = (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<Sent>;

/** As `dns.lookup` with `all`. */
export type Lookup = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

interface World {
  readonly clock: Clock;
  readonly allowPrivate: boolean;
  readonly lookup?: Lookup;
}

/** A receiver has this long for all of it; work it does must wait until it has answered. */
export const sendMs = 15_000;
const mostAnswerBytes = 16_384;

class RefusedAddress extends Error {
  readonly code = 'refused_address';
}

export function createSend({ clock, allowPrivate, lookup = systemLookup }: World): Send {
  const allows = (address: string): boolean => allowPrivate || isPublicAddress(address);
  const connect = guarded(allows, lookup);
  return async (target, headers, body) => {
    if (webhookUrlProblem(target, allowPrivate) !== undefined)
      return { kind: 'failed', reason: 'refused_address', final: true };
    const url = new URL(target);
    const ended = new AbortController();
    const cancel = clock.after(sendMs, () => ended.abort());
    const client = new Client(url.origin, { connect, pipelining: 1 });
    try {
      const answer = await client.request({
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers,
        body,
        signal: ended.signal,
        // The one clock is ours.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      await answer.body.dump({ limit: mostAnswerBytes, signal: ended.signal }).catch(() => undefined);
      return { kind: 'answered', status: answer.statusCode };
    } catch (thrown) {
      return { kind: 'failed', reason: ended.signal.aborted ? 'timeout' : reasonOf(thrown), final: false };
    } finally {
      cancel();
      await client.destroy();
    }
  };
}

/** Connects to allowed addresses alone: names are looked up here, and what was connected to is looked at again. */
function guarded(allows: (address: string) => boolean, lookup: Lookup): buildConnector.connector {
  const checked: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      // One that is refused refuses all: a name that leads to both is a trick, or will be one.
      const refused = addresses.length === 0 || addresses.some(({ address }) => !allows(address));
      if (refused) return callback(new RefusedAddress('The name leads to an address that is refused.'), []);
      const [first] = addresses;
      if (options.all === true || first === undefined) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
  const connect = buildConnector({ lookup: checked, timeout: 0, port: 0 });
  return (options, callback) =>
    connect(options, (...result) => {
      const [error, socket] = result;
      if (error !== null || allows(socket.remoteAddress ?? '')) return callback(...result);
      socket.destroy();
      callback(new RefusedAddress('The address is refused.'), null);
    });
}

function reasonOf(thrown: unknown): string {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' && /^[A-Za-z_]{1,40}$/.test(code) ? code : 'no_answer';
}

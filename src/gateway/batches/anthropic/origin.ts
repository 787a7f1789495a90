/**
 * Under which address a caller reaches us: what it wrote in its Host header, for no config knows all names of a gateway. The address goes back to
 * nobody but the caller that sent it (answers are not to be cached), so a made-up one harms its maker alone; but SDKs send
 * their key to wherever `results_url` points, so whatever is not plainly a host and a port is not repeated.
 */
import type { IncomingMessage } from 'node:http';

const hostForm = /^(?:[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** Such as `https://gateway.example:8443`; '' where the header is not plain: then a path must do. */
export function originOf({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): string {
  const { host } = headers;
  if (host === undefined || !hostForm.test(host)) return '';
  // A proxy that ends TLS says so here. A caller that lies about it misleads itself.
  const forwarded = headers['x-forwarded-proto'];
  const named = typeof forwarded === 'string' ? forwarded.split(',')[0]?.trim().toLowerCase() : undefined;
  if (named === 'https' || named === 'http') return `${named}://${host}`;
  return `${'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'}://${host}`;
}

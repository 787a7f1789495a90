/** Answers of the ways in. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GatewayError } from '../../core/errors.ts';
import { identityHeaders } from '../reply-headers.ts';
import type { BatchRequest } from './contract.ts';

export function sendJson(
  { outgoing, requestId }: BatchRequest,
  body: object,
  headers: readonly string[] = [],
): void {
  const text = JSON.stringify(body);
  outgoing.writeHead(200, [
    ...identityHeaders(requestId),
    ...headers,
    'content-type',
    'application/json',
    'content-length',
    String(Buffer.byteLength(text)),
    // An id, a URL made of the caller's own Host header: nothing for caches between us.
    'cache-control',
    'no-store',
  ]);
  outgoing.end(text);
}

/** Bytes as they come, no faster than the caller takes them. When they fail in the middle the connection is cut: an end would look whole. */
export async function sendBytes(
  { incoming, outgoing, requestId }: BatchRequest,
  status: number,
  headers: readonly string[],
  bytes: AsyncIterable<Uint8Array | string>,
): Promise<void> {
  const all = [...identityHeaders(requestId), ...headers, 'cache-control', 'no-store'];
  if (incoming.method === 'HEAD') {
    outgoing.writeHead(status, all);
    outgoing.end();
    return;
  }
  // The first bytes are awaited before the head: what fails at once becomes an error, not a cut.
  const source = bytes[Symbol.asyncIterator]();
  const first = await source.next();
  outgoing.writeHead(status, all);
  try {
    await pipeline(Readable.from(resume(first, source), { objectMode: true }), outgoing);
  } catch (thrown) {
    if (outgoing.destroyed && !outgoing.writableFinished && isHangUp(thrown))
      throw new GatewayError('client_closed', 'The caller hung up before it had all.', { cause: thrown });
    throw thrown;
  }
}

async function* resume<T>(
  first: IteratorResult<T>,
  source: AsyncIterator<T>,
): AsyncGenerator<T, void, undefined> {
  let ended = first.done === true;
  try {
    for (let next = first; next.done !== true; next = await source.next()) yield next.value;
    ended = true;
  } finally {
    if (!ended) await source.return?.();
  }
}

function isHangUp(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE';
}

/** `limit` of a list's query. Throws `invalid_request`. */
export function readLimit(query: URLSearchParams, usual: number, most: number): number {
  const text = query.get('limit');
  if (text === null || text === '') return usual;
  const limit = Number(text);
  if (/^\d{1,6}$/.test(text) && limit >= 1 && limit <= most) return limit;
  throw new GatewayError(
    'invalid_request',
    `"limit" must be a whole number from 1 to ${most}, but it is "${text.slice(0, 40)}".`,
    { param: 'limit' },
  );
}

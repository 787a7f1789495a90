/** Calls of a batch API that has no client of its own: each is bounded in time, none is made twice, and a key follows no redirect. */
import type { Clock } from '../../core/clock.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { FailedResponse, ResponseHeaders } from '../contract.ts';
import { readConnectionError } from '../families/batch-job.ts';

export interface CallOptions {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** For the whole call, its body both ways. */
  readonly timeoutMs: number;
  readonly body?: AsyncIterable<Uint8Array>;
  /** For messages. */
  readonly what: string;
}

/** An answer that is no success, with what it means. */
export class Refusal extends Error {
  readonly status: number;
  readonly error: GatewayError;
  constructor(status: number, error: GatewayError) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

export interface ClientSettings {
  /** With the prefix of the config. */
  readonly baseUrl: string;
  /** Read for every call, since keys are changed while jobs run. Throws `upstream_auth` where there is none. */
  readonly key: () => string;
  readonly readError: (response: FailedResponse) => GatewayError;
  readonly clock: Clock;
}

/** A success, its body unread. */
export interface Opened {
  readonly headers: ResponseHeaders;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** To be called when nothing more is read of it. */
  close(): void;
}

/** Throws `Refusal` for an answer that is no success, `GatewayError` where there was no answer. */
export type Open = (options: CallOptions) => Promise<Opened>;

/** Beyond this an error says nothing more. */
const mostErrorBytes = 64 * 1024;

export function createOpen({ baseUrl, key, readError, clock }: ClientSettings): Open {
  return async ({ method, path, timeoutMs, body, what }) => {
    const authorization = `Bearer ${key()}`;
    const controller = new AbortController();
    const cancelTimer = clock.after(timeoutMs, () => controller.abort());
    const close = (): void => {
      cancelTimer();
      // What nobody reads on would keep its connection.
      controller.abort();
    };
    try {
      const response = await fetch(baseUrl + path, {
        method,
        headers: {
          authorization,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        signal: controller.signal,
        // Without these two Node's `fetch` keeps a copy of a streamed body for a second try.
        redirect: 'error',
        window: null,
        ...(body === undefined ? {} : { body: ReadableStream.from(body), duplex: 'half' }),
      });
      const headers = Object.fromEntries(response.headers.entries());
      const chunks = reading(response.body, what);
      if (response.ok) return { headers, chunks, close };
      const { status } = response;
      const text = await readText(chunks, mostErrorBytes);
      throw new Refusal(status, readError({ status, headers, body: text }));
    } catch (thrown) {
      close();
      throw thrown instanceof Refusal ? thrown : readConnectionError(thrown, what);
    }
  };
}

async function* reading(
  body: ReadableStream<Uint8Array> | null,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (body !== null) yield* body;
  } catch (thrown) {
    throw readConnectionError(thrown, what);
  }
}

/** The beginning of a body; the rest is not read. */
export async function readText(chunks: AsyncIterable<Uint8Array>, mostBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    pieces.push(chunk);
    bytes += chunk.length;
    if (bytes >= mostBytes) break;
  }
  return Buffer.concat(pieces).toString('utf8', 0, Math.min(bytes, mostBytes));
}

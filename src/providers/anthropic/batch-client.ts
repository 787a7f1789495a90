/**
 * The vendor's client, as the batch endpoint uses it: loaded when the first batch needs it, since it costs a start a second and 20 MB, and
 * with nothing of its own doing that the gateway does (retries, logs, variables of the environment).
 */

import { GatewayError } from '../../core/errors.ts';
import { asObject, isObject } from '../../core/json.ts';
import type { FailedResponse, ResponseHeaders } from '../contract.ts';
import { readConnectionError } from '../families/batch-job.ts';

export const batchesPath = '/v1/messages/batches';
export const batchPath = (handle: string): string => `${batchesPath}/${encodeURIComponent(handle)}`;

/** Questions about a job are small; a provider that takes longer is not going to answer. */
export const askTimeoutMs = 60_000;

/** What we use of a call of the client. */
interface Call extends Promise<unknown> {
  asResponse(): Promise<Response>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly timeout: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Client {
  get(path: string, options: CallOptions): Call;
  post(path: string, options: CallOptions): Call;
  delete(path: string, options: CallOptions): Call;
}

export interface ClientSettings {
  /** With the prefix of the config, without `/v1`. */
  readonly baseUrl: string;
  readonly version: string;
  /** Throws `upstream_auth` where there is neither. */
  readonly credentials: () => { readonly apiKey: string } | { readonly authToken: string };
}

/**
 * A key must not follow a redirect to another host. And only with these two does Node's `fetch` send a streamed body without keeping a copy of
 * all of it for a second try (undici, `httpNetworkOrCacheFetch`, November 2026): measured, 100 MB held for a body of 100 MB.
 */
const fetchOptions = { redirect: 'error', window: null } as const;

/** Made once; what has failed is tried again. */
export function createClientOpener({ baseUrl, version, credentials }: ClientSettings): () => Promise<Client> {
  let opened: Promise<Client> | undefined;
  const open = async (): Promise<Client> => {
    const given = credentials();
    const { Anthropic } = await import('@anthropic-ai/sdk');
    return new Anthropic({
      baseURL: baseUrl,
      ...given,
      // A create that is sent twice is paid twice.
      maxRetries: 0,
      logLevel: 'off',
      // The client's own is newer, and refuses what the sync side sends.
      defaultHeaders: { 'anthropic-version': version },
      fetchOptions,
    });
  };
  return () => {
    opened ??= open().catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
    return opened;
  };
}

/** An answer that the client threw; `undefined` where there was none. */
export function failedResponse(thrown: unknown): FailedResponse | undefined {
  // Ours have a status as well: the one that a caller would be told.
  if (thrown instanceof GatewayError || !isObject(thrown)) return undefined;
  if (typeof thrown['status'] !== 'number') return undefined;
  const { headers, error } = thrown;
  return {
    status: thrown['status'],
    headers: headers instanceof Headers ? headersOf(headers) : {},
    body: isObject(error) ? JSON.stringify(error) : '',
  };
}

export function headersOf(headers: Headers): ResponseHeaders {
  return Object.fromEntries(headers.entries());
}

/** Whatever a call threw, as the sync side reads it. */
export function readThrown(
  thrown: unknown,
  what: string,
  readError: (response: FailedResponse) => GatewayError,
): GatewayError {
  const response = failedResponse(thrown);
  return response === undefined ? readConnectionError(thrown, what) : readError(response);
}

/** An answer's body. Throws `upstream_malformed` for what is no JSON object. */
export async function readObject(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const text = await response.text().catch((thrown: unknown) => {
    throw readConnectionError(thrown, 'reading its answer about a batch');
  });
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body)) return asObject(body);
  } catch {
    // Told below, as anything else that is not an object.
  }
  throw new GatewayError('upstream_malformed', 'The provider’s answer about a batch is not a JSON object.');
}

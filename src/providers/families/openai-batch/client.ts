/**
 * The official SDK, set up so that nothing happens which was not asked for: no retries, since a creation that is sent twice is paid
 * twice; nothing read from the environment; no log. Loaded with the first batch, since it is large and most processes have none.
 */
import type { OpenAI } from 'openai';
import { GatewayError } from '../../../core/errors.ts';
import type { FailedResponse } from '../../contract.ts';
import type { uploadFetch } from './upload-fetch.ts';

export interface Connection {
  /** `/v1` included. */
  readonly baseUrl: string;
  /** Authentication and account; a promise only where a token has to be fetched. */
  headers(): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  readError(response: FailedResponse): GatewayError;
}

type Sdk = typeof import('openai');
let loading: Promise<Sdk> | undefined;

function loadSdk(): Promise<Sdk> {
  loading ??= import('openai');
  return loading;
}

/** Runs one call; whatever it throws is read as the provider's sync errors are. */
export async function withClient<T>(
  connection: Connection,
  work: (client: OpenAI) => Promise<T>,
  fetch?: typeof uploadFetch,
): Promise<T> {
  const headers = await connection.headers();
  const sdk = await loadSdk();
  const client = new sdk.OpenAI({
    // The headers below authenticate; it insists on one.
    apiKey: 'unused',
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: connection.baseUrl,
    defaultHeaders: { authorization: null, ...headers },
    maxRetries: 0,
    logLevel: 'off',
    ...(fetch === undefined ? {} : { fetch }),
  });
  try {
    return await work(client);
  } catch (thrown) {
    throw readThrown(sdk, thrown, connection.readError);
  }
}

export function readThrown(sdk: Sdk, thrown: unknown, readError: Connection['readError']): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof sdk.APIConnectionTimeoutError || thrown instanceof sdk.APIUserAbortError)
    return new GatewayError('upstream_timeout', 'The provider was silent for too long.');
  if (thrown instanceof sdk.APIError && typeof thrown.status === 'number') {
    const headers: Headers | undefined = thrown.headers;
    const error: unknown = thrown.error;
    return readError({
      status: thrown.status,
      headers: headers === undefined ? {} : Object.fromEntries(headers.entries()),
      body: error === undefined ? thrown.message : JSON.stringify({ error }),
    });
  }
  // undici throws a TypeError of its own where a body breaks off.
  if (thrown instanceof sdk.APIConnectionError || thrown instanceof TypeError)
    return new GatewayError('upstream_unreachable', 'The connection to the provider broke.', {
      cause: thrown,
    });
  if (thrown instanceof SyntaxError)
    return new GatewayError('upstream_malformed', 'The provider’s answer is not JSON.');
  return new GatewayError('upstream_fault', 'The call to the provider failed.', { cause: thrown });
}

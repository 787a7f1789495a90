/**
 * Headers that authenticate at Vertex AI: a fixed token, an express key, or a token that google-auth-library gets from a service
 * account, a metadata server or whatever else Application Default Credentials find. The library is loaded with the first call, so that
 * a gateway without Vertex never pays for it.
 */
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { cachedToken } from '../families/cached-token.ts';
import type { Settings } from './settings.ts';

type AuthHeaders = Readonly<Record<string, string>>;

/** A promise only while a token has to be fetched. */
export type Authenticate = () => AuthHeaders | Promise<AuthHeaders>;

export interface AuthWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Replaces the HTTP client of the credential library. */
  readonly fetch?: typeof fetch;
}

const scope = 'https://www.googleapis.com/auth/cloud-platform';
/** A token server answers at once; one that does not must not hold every later call in the same wait. */
const tokenTimeoutMs = 15_000;
/** For a credential that does not say when it ends: beyond the margin before expiry, and well under an hour. */
const assumedLifeMs = 10 * 60_000;

export function createAuth(configured: Settings, world: AuthWorld): Authenticate {
  const fixed = fixedHeaders(configured);
  if (fixed !== undefined) return () => fixed;
  const { clock } = world;
  return cachedToken(clock, () => {
    const fetching = fetchToken(configured, world).catch((cause: unknown) => {
      throw new GatewayError('upstream_auth', 'No Google access token could be had.', { cause });
    });
    return within(clock, tokenTimeoutMs, fetching);
  });
}

function fixedHeaders(configured: Settings): AuthHeaders | undefined {
  const { access_token: token, api_key: key, credentials, base_url: base } = configured;
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (key !== undefined) return { 'x-goog-api-key': key };
  // An emulator: real credentials have no business on an unencrypted line.
  if (credentials === undefined && base?.startsWith('http:') === true) return {};
  return undefined;
}

async function fetchToken(configured: Settings, { env, clock, fetch }: AuthWorld) {
  const { GoogleAuth } = await import('google-auth-library');
  const auth = new GoogleAuth({
    scopes: [scope],
    ...credentialOptions(configured, env),
    ...(fetch === undefined ? {} : { clientOptions: { transporterOptions: { fetchImplementation: fetch } } }),
  });
  const client = await auth.getClient();
  const found = await client.getRequestHeaders();
  const headers: Record<string, string> = {};
  // `authorization`, and `x-goog-user-project` where a user's own credential bills another project.
  found.forEach((value, name) => {
    headers[name.toLowerCase()] = value;
  });
  if (headers['authorization'] === undefined) throw new Error('The credential gave no authorization header.');
  return { headers, expiresAtMs: client.credentials.expiry_date ?? clock.now() + assumedLifeMs };
}

function credentialOptions(
  { credentials }: Settings,
  env: AuthWorld['env'],
): { keyFilename?: string; credentials?: Record<string, unknown> } {
  const inline = inlineCredentials(credentials);
  if (inline !== undefined) return { credentials: inline };
  const path = typeof credentials === 'string' ? credentials : env['GOOGLE_APPLICATION_CREDENTIALS'];
  return path === undefined || path === '' ? {} : { keyFilename: path };
}

/** The JSON of a credential where the config holds it; `undefined` for a path or nothing. */
export function inlineCredentials(credentials: Settings['credentials']): Record<string, unknown> | undefined {
  if (typeof credentials === 'object') return { ...credentials };
  if (credentials?.trimStart().startsWith('{') !== true) return undefined;
  // The settings' own schema has parsed it once.
  const value: unknown = JSON.parse(credentials);
  return isObject(value) ? { ...value } : undefined;
}

function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () =>
      reject(new GatewayError('upstream_auth', `No Google access token came within ${ms / 1000} s.`)),
    );
    work.then(resolve, reject).finally(cancel);
  });
}

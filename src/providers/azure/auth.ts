/** Headers that authenticate at Azure: the resource's key, or a Microsoft Entra token. */
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { type Credential, cachedToken } from '../families/cached-token.ts';
import type { Secret } from '../families/secret.ts';
import type { Settings } from './settings.ts';

type AuthHeaders = Readonly<Record<string, string>>;

/** A promise only while a token has to be fetched. */
export type Authenticate = () => AuthHeaders | Promise<AuthHeaders>;

/** What we use of `@azure/identity`. */
export interface TokenSource {
  getToken(
    scope: string,
    options: { readonly abortSignal: AbortSignal },
  ): Promise<{ readonly token: string; readonly expiresOnTimestamp: number }>;
}

/** A token service answers at once; one that does not must not hold every later call in the same wait. */
const tokenTimeoutMs = 15_000;

export function createAuth(
  configured: Settings,
  secret: Secret,
  clock: Clock,
  openSource: () => Promise<TokenSource> = defaultSource,
): Authenticate {
  const { entra } = configured;
  if (entra === undefined) return () => ({ 'api-key': secret.read() });
  if (entra.token !== undefined) {
    const headers = { authorization: `Bearer ${entra.token}` };
    return () => headers;
  }
  let source: Promise<TokenSource> | undefined;
  return cachedToken(clock, async () => {
    source ??= openSource();
    try {
      return await fetchToken(await source, entra.scope, clock);
    } catch (cause) {
      source = undefined;
      throw new GatewayError('upstream_auth', 'No Microsoft Entra token could be had.', { cause });
    }
  });
}

async function fetchToken(source: TokenSource, scope: string, clock: Clock): Promise<Credential> {
  const abort = new AbortController();
  const cancel = clock.after(tokenTimeoutMs, () => abort.abort());
  try {
    const token = await source.getToken(scope, { abortSignal: abort.signal });
    return { headers: { authorization: `Bearer ${token.token}` }, expiresAtMs: token.expiresOnTimestamp };
  } finally {
    cancel();
  }
}

/** Loaded on first use: the credential chain is large, and keys are the usual case. */
async function defaultSource(): Promise<TokenSource> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

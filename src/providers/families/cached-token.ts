/** Short-lived credentials: fetched once, by one caller at a time, and again a while before they expire. */
import type { Clock } from '../../core/clock.ts';

export interface Credential {
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAtMs: number;
}

type Headers = Credential['headers'];

/** Tokens live an hour; asked for anew this long before, so that a call in flight does not outlive its token. */
const marginMs = 5 * 60_000;

/**
 * The headers at once while the token is fresh, else a promise. A failed fetch is tried again by the next call; until
 * the old token really ends it goes on serving, so that a token service that is down for a minute is not noticed.
 */
export function cachedToken(
  clock: Clock,
  fetchToken: () => Promise<Credential>,
): () => Headers | Promise<Headers> {
  let current: Credential | undefined;
  let fetching: Promise<Headers> | undefined;

  async function renew(): Promise<Headers> {
    try {
      current = await fetchToken();
      return current.headers;
    } catch (thrown) {
      if (current !== undefined && current.expiresAtMs > clock.now()) return current.headers;
      throw thrown;
    }
  }

  return () => {
    if (current !== undefined && current.expiresAtMs - marginMs > clock.now()) return current.headers;
    fetching ??= renew().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };
}

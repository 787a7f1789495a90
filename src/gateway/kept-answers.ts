/**
 * Answers that are kept to be given again. What makes two requests the same is in their key: the caller's protocol and its headers, the
 * route, the target, who may share answers, and the canonical body (`wire/request-hash.ts`). Sampling is not: a route that is cached gives
 * the same answer again whatever the temperature, which is what it was asked for.
 */
import type { Kept, ResponseCache } from '../cache/contract.ts';
import type { Clock } from '../core/clock.ts';
import type { ChatRequest } from '../core/request.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Call, Caller, ResponseCachePolicy, Route } from '../router/contract.ts';
import { createHasher } from '../wire/request-hash.ts';
import type { CacheTerms } from './cache-terms.ts';
import type { DecodableCall } from './call.ts';

export type CachedCall = Call & Pick<DecodableCall<ChatRequest>, 'body' | 'protocolHeaders'>;

/** Clients may name targets themselves; far more than any config has. */
const mostVersions = 4096;

/** Kept answers, and the version in which each target last answered: a name may move on to a newer model, which answers otherwise. */
export class Answers {
  readonly cache: ResponseCache;
  readonly #clock: Clock;
  readonly #hash = createHasher();
  readonly #versions = new Map<string, string>();

  constructor(cache: ResponseCache, clock: Clock) {
    this.cache = cache;
    this.#clock = clock;
  }

  keyOf(call: CachedCall, route: Route, policy: ResponseCachePolicy, target: Target): string {
    const { operation } = call.facts;
    const sharing = scopeOf(policy, call.caller);
    const same = [call.protocol, operation, route.name, target.name, sharing, call.protocolHeaders];
    return this.#hash(JSON.stringify(same), call.body);
  }

  async find(
    key: string,
    target: Target,
    policy: ResponseCachePolicy,
    terms: CacheTerms,
  ): Promise<Kept | undefined> {
    const found = this.cache.get(key);
    const kept = found instanceof Promise ? await found : found;
    if (kept === undefined) return undefined;
    const ageMs = this.#clock.now() - kept.atMs;
    if (ageMs >= policy.forMs || ageMs > (terms.mostAgeMs ?? policy.forMs)) return undefined;
    const version = this.#versions.get(target.name);
    return version === undefined || version === kept.model ? kept : undefined;
  }

  /** False: too large, or the cache is out of reach. */
  keep(key: string, target: Target, kept: Omit<Kept, 'atMs'>, policy: ResponseCachePolicy): boolean {
    this.#versions.delete(target.name);
    const oldest = this.#versions.size >= mostVersions ? this.#versions.keys().next().value : undefined;
    if (oldest !== undefined) this.#versions.delete(oldest);
    this.#versions.set(target.name, kept.model);
    return this.cache.put(key, { ...kept, atMs: this.#clock.now() }, policy.forMs);
  }
}

/** Names of keys and teams hold no quotes, and the list that they stand in is JSON: nobody can name himself into another's share. */
function scopeOf({ scope }: ResponseCachePolicy, caller: Caller | undefined): readonly string[] {
  switch (scope) {
    case 'all':
      return ['all'];
    case 'key':
      return ['key', caller?.key ?? ''];
    case 'team':
      // Whoever is in no team shares with nobody else.
      return caller?.team === undefined ? ['key', caller?.key ?? ''] : ['team', caller.team];
  }
}

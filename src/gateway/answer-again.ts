/**
 * The response cache on the road of a request: looked into before a target is asked, for the one that would be; written to when an answer
 * came whole and to its own end. What makes two requests the same is in their key: the caller's protocol and its headers, the route,
 * the target, who may share answers, and the canonical body (`wire/request-hash.ts`). Sampling is not: a route that is cached gives the
 * same answer again whatever the temperature, which is what it was asked for.
 */
import { type Kept, mostAnswerBytes, type ResponseCache } from '../cache/contract.ts';
import type { Clock } from '../core/clock.ts';
import { listCostOf } from '../core/price.ts';
import type { Keep } from '../router/attempt.ts';
import type { Call, Caller, ResponseCachePolicy, Route, Served, Target } from '../router/contract.ts';
import { decide } from '../router/decide.ts';
import { entryOf } from '../router/entry.ts';
import type { Pass } from '../router/gate.ts';
import type { Refused } from '../router/refusal.ts';
import { createHasher } from '../wire/request-hash.ts';
import { type CacheTerms, readCacheTerms } from './cache-terms.ts';
import type { DecodableCall } from './call.ts';
import type { Read, Replay } from './replay.ts';
import type { Reply } from './reply.ts';
import type { GatewayWorld } from './world.ts';

export type CachedCall = Call & Pick<DecodableCall<unknown>, 'body' | 'protocolHeaders'>;

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

export type Again =
  /** The caller has its answer. */
  | { readonly kind: 'served' }
  | { readonly kind: 'refused'; readonly refused: Refused }
  /** Ask the targets; what one of them answers may be kept. */
  | { readonly kind: 'ask'; readonly keepFor: ((target: Target) => Keep | undefined) | undefined };

interface Asking {
  readonly world: GatewayWorld;
  readonly route: Route;
  readonly policy: ResponseCachePolicy;
  readonly call: CachedCall;
  readonly reply: Reply;
  readonly pass: Pass;
  readonly replay: Replay;
}

export async function answerAgain(asking: Asking): Promise<Again> {
  const { world, route, call, reply } = asking;
  const terms = readCacheTerms(call.headers['cache-control']);
  // What a provider's own tools find, and files that it keeps, are not the same twice.
  const usable = !call.facts.nativeOnly;
  const keepFor = usable && terms.keep ? (target: Target) => keepOf(asking, target) : undefined;
  const ask: Again = { kind: 'ask', keepFor };
  if (!usable || !terms.read) {
    reply.cacheNote = { kind: 'bypass' };
    world.metrics.cache(route.name, 'bypass');
    return ask;
  }
  const target = decide(call, route, world.walk.sight ?? world.health).candidates[0];
  const hit = target === undefined ? undefined : await lookUp(asking, target, terms);
  if (hit === undefined) {
    reply.cacheNote = { kind: 'miss' };
    world.metrics.cache(route.name, 'miss');
    return ask;
  }
  const { kept, read, served } = hit;
  const counted = asking.pass.admitKept(served.target);
  const refused = counted instanceof Promise ? await counted : counted;
  if (refused !== undefined) return { kind: 'refused', refused };
  const nowMs = world.clock.now();
  reply.cacheNote = { kind: 'hit', ageS: Math.floor(Math.max(0, nowMs - kept.atMs) / 1000) };
  read.give(served);
  world.metrics.cache(route.name, 'hit');
  account(asking, served, read, nowMs);
  return { kind: 'served' };
}

interface Hit {
  readonly kept: Kept;
  readonly read: Read;
  readonly served: Served;
}

async function lookUp(asking: Asking, target: Target, terms: CacheTerms): Promise<Hit | undefined> {
  const { world, route, policy, call, replay } = asking;
  const endpoint = replay.endpointOf(target);
  if (endpoint === undefined) return undefined;
  const kept = await world.answers.find(
    world.answers.keyOf(call, route, policy, target),
    target,
    policy,
    terms,
  );
  if (kept === undefined) return undefined;
  return readable(() => {
    const prepared = call.prepare(endpoint, route.strict);
    const read = replay.read(target, kept);
    return { kept, read, served: { target, prepared, tried: [], upstreamHeaders: {}, usage: read.usage } };
  });
}

/**
 * `undefined` of what cannot be read: kept by another version of this program, or broken on its way. Then the target is asked as if nothing
 * had been kept, and if it is the request that is wrong, that is told on that road.
 */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The answer has been sent by then: nobody waits for this. */
function keepOf({ world, route, policy, call, replay }: Asking, target: Target): Keep {
  return {
    mostBytes: mostAnswerBytes,
    answered(form, bytes) {
      const read = readable(() => replay.read(target, { form, bytes }));
      if (read?.normal !== true) return;
      const key = world.answers.keyOf(call, route, policy, target);
      if (world.answers.keep(key, target, { form, bytes, model: read.model }, policy))
        world.metrics.cacheStored(route.name, bytes.length);
    },
  };
}

/** Nothing was paid; what it would have cost is what was saved. Its tokens were used once, when they were paid for. */
function account({ world, route, call }: Asking, { target }: Served, { usage }: Read, nowMs: number): void {
  const { listPrice } = target;
  const listNanoUsd = listPrice === undefined || usage === undefined ? 0 : listCostOf(listPrice, usage);
  const spent = { costNanoUsd: 0, listNanoUsd, exact: true };
  const durationMs = nowMs - call.startedAtMs;
  const ended = { id: `${call.id}.kept`, outcome: 'served' as const, spent, durationMs };
  const { roughInputTokens: _unused, ...entry } = entryOf(call, route, target, ended, nowMs);
  world.ledger.add(entry);
  world.metrics.saved(route.name, target.provider, target.model.id, listNanoUsd);
}

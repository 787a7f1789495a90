/**
 * The response cache on the road of a request: looked into before a target is asked, for the one that would be; written to when an answer
 * came whole and to its own end.
 */
import { type Kept, mostAnswerBytes } from '../cache/contract.ts';
import { decimalDollars } from '../core/price.ts';
import type { Keep } from '../router/attempt.ts';
import { listedCost } from '../router/billing.ts';
import type { Target } from '../router/chain/contract.ts';
import type { ResponseCachePolicy, Route, Served } from '../router/contract.ts';
import { decide } from '../router/decide.ts';
import type { Notes } from '../router/decisions.ts';
import { entryOf } from '../router/entry.ts';
import type { Pass } from '../router/gate.ts';
import { type CacheNote, type CacheTerms, readCacheTerms, writeCacheNote } from './cache-terms.ts';
import type { Ended } from './ended.ts';
import type { CachedCall } from './kept-answers.ts';
import type { Reopened, Replay } from './replay.ts';
import type { Reply } from './reply.ts';
import type { GatewayWorld } from './world.ts';

export type Again =
  /** The caller has its answer, or was told why it gets none. */
  | { readonly kind: 'ended'; readonly ended: Ended }
  /** Ask the targets; what one of them answers may be kept. */
  | {
      readonly kind: 'ask';
      readonly keepFor: (target: Target) => Keep | undefined;
      readonly notes: Notes;
    };

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
  const { world, route, call } = asking;
  const terms = readCacheTerms(call.headers['cache-control']);
  // What a provider's own tools find, and files that it keeps, are not the same twice.
  const usable = !call.facts.nativeOnly;
  const keepFor = (target: Target): Keep | undefined =>
    usable && terms.keep ? keepOf(asking, target) : undefined;
  if (!usable || !terms.read)
    return { kind: 'ask', keepFor, notes: told(asking, { kind: 'bypass' }, noMoney) };
  const decision = decide(call, route, world.walk.sight ?? world.health);
  const target = decision.candidates[0];
  const hit = target === undefined ? undefined : await lookUp(asking, target, terms);
  if (hit === undefined) return { kind: 'ask', keepFor, notes: told(asking, { kind: 'miss' }, noMoney) };
  const decided = { first: decision, last: decision, rounds: 1 };
  return { kind: 'ended', ended: { ...(await give(asking, hit)), tried: [], decided } };
}

async function give(
  asking: Asking,
  { kept, again, served }: Hit,
): Promise<Pick<Ended, 'outcome' | 'code' | 'notes'>> {
  const { world, reply, pass } = asking;
  const counted = pass.admitKept(served.target);
  const refused = counted instanceof Promise ? await counted : counted;
  if (refused !== undefined) {
    reply.refuse(refused.error, []);
    return { outcome: 'failed', code: refused.error.code };
  }
  const nowMs = world.clock.now();
  const savedNanoUsd = again.usage === undefined ? 0 : listedCost(served.target, again.usage);
  const note: CacheNote = { kind: 'hit', ageS: Math.floor(Math.max(0, nowMs - kept.atMs) / 1000) };
  const notes = told(asking, note, [
    'x-intermodal-cost',
    decimalDollars(0),
    ...(savedNanoUsd > 0 ? ['x-intermodal-saved', decimalDollars(savedNanoUsd)] : []),
  ]);
  again.give(served);
  account(asking, served.target, savedNanoUsd, nowMs);
  return { outcome: 'served', code: undefined, notes };
}

const noMoney: readonly string[] = [];

/** What came of the cache: to the caller, to the metrics, and for the decision. */
function told({ world, route, reply }: Asking, note: CacheNote, money: readonly string[]): Notes {
  const headers = ['x-intermodal-cache', writeCacheNote(note), ...money];
  reply.tell({ headers, costNanoUsd: 0, listNanoUsd: 0, again: note.kind === 'hit' });
  world.metrics.cache(route.name, note.kind);
  return { cache: note };
}

interface Hit {
  readonly kept: Kept;
  readonly again: Reopened;
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
    const again = replay.open(target, kept, prepared);
    return { kept, again, served: { target, prepared, tried: [], upstreamHeaders: {}, usage: again.usage } };
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
      const judged = readable(() => replay.judge(target, { form, bytes }));
      if (judged?.normal !== true) return;
      const key = world.answers.keyOf(call, route, policy, target);
      if (world.answers.keep(key, target, { form, bytes, model: judged.model }, policy))
        world.metrics.cacheStored(route.name, bytes.length);
    },
  };
}

/** Nothing was paid; what it would have cost is what was saved. Its tokens were used once, when they were paid for. */
function account({ world, route, call }: Asking, target: Target, listNanoUsd: number, nowMs: number): void {
  const spent = { costNanoUsd: 0, listNanoUsd, exact: true };
  const durationMs = nowMs - call.startedAtMs;
  const ended = { id: `${call.id}.kept`, outcome: 'served' as const, spent, durationMs };
  const { roughInputTokens: _unused, ...entry } = entryOf(call, route, target, ended, nowMs);
  world.ledger.add(entry);
  world.metrics.saved(route.name, target.provider, target.model.id, listNanoUsd);
}

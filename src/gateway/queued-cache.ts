/** The response cache on the road of a request that was kept: looked into before a worker calls a target, written to by what was answered. */
import { mostAnswerBytes } from '../cache/contract.ts';
import type { Answer, EmbeddingAnswer } from '../core/answer.ts';
import type { Keep } from '../router/attempt.ts';
import type { Target } from '../router/chain/contract.ts';
import type { ResponseCachePolicy, Route, WholeSink } from '../router/contract.ts';
import { decide } from '../router/decide.ts';
import type { Found } from '../router/kept-answer.ts';
import { readCacheTerms, writeCacheNote } from './cache-terms.ts';
import type { CachedCall } from './kept-answers.ts';
import { type Replay, replayEmbedding, replayWhole } from './replay.ts';
import type { GatewayWorld } from './world.ts';

export type QueuedCacheWorld = Pick<GatewayWorld, 'answers' | 'walk' | 'health' | 'metrics' | 'clock'>;

const nobody: WholeSink<Answer | EmbeddingAnswer> = {
  closed: false,
  onClose: () => () => {},
  relay: () => {},
  answer: () => {},
};

export class QueuedCache {
  readonly #world: QueuedCacheWorld;
  readonly #call: CachedCall;

  constructor(world: QueuedCacheWorld, call: CachedCall) {
    this.#world = world;
    this.#call = call;
  }

  /** What was answered before to the very same request, by the target that would be asked now. */
  async find(route: Route, sink: WholeSink<Answer | EmbeddingAnswer>): Promise<Found | undefined> {
    const { walk, health, metrics } = this.#world;
    const policy = this.#policyOf(route);
    const terms = readCacheTerms(this.#call.headers['cache-control']);
    if (policy === undefined) return undefined;
    if (!terms.read) {
      metrics.cache(route.name, 'bypass');
      return undefined;
    }
    const { candidates } = decide(this.#call, route, walk.sight ?? health);
    for (const target of sameModel(candidates)) {
      const found = await this.#look(route, policy, target, sink);
      if (found !== undefined) {
        metrics.cache(route.name, 'hit');
        return found;
      }
    }
    metrics.cache(route.name, 'miss');
    return undefined;
  }

  async #look(
    route: Route,
    policy: ResponseCachePolicy,
    target: Target,
    sink: WholeSink<Answer | EmbeddingAnswer>,
  ): Promise<Found | undefined> {
    const { answers, clock } = this.#world;
    const call = this.#call;
    const replay = this.#replay(sink);
    const endpoint = replay.endpointOf(target);
    if (endpoint === undefined) return undefined;
    const terms = readCacheTerms(call.headers['cache-control']);
    const kept = await answers.find(answers.keyOf(call, route, policy, target), target, policy, terms);
    if (kept === undefined) return undefined;
    return readable(() => {
      const prepared = call.prepare(endpoint, route.strict);
      const again = replay.open(target, kept, prepared);
      const { usage } = again;
      const served = { target, prepared, tried: [], upstreamHeaders: {}, usage };
      const ageS = Math.floor(Math.max(0, clock.now() - kept.atMs) / 1000);
      const headers = { 'x-intermodal-cache': writeCacheNote({ kind: 'hit', ageS }) };
      return { target, usage, headers, give: () => again.give(served) };
    });
  }

  /** Hears what the target answers, where it may be kept. */
  keepFor(route: Route, target: Target): Keep | undefined {
    const { answers, metrics } = this.#world;
    const policy = this.#policyOf(route);
    if (policy === undefined || !readCacheTerms(this.#call.headers['cache-control']).keep) return undefined;
    return {
      mostBytes: mostAnswerBytes,
      answered: (form, bytes) => {
        const judged = readable(() => this.#replay(nobody).judge(target, { form, bytes }));
        if (judged?.normal !== true) return;
        const key = answers.keyOf(this.#call, route, policy, target);
        if (answers.keep(key, target, { form, bytes, model: judged.model }, policy))
          metrics.cacheStored(route.name, bytes.length);
      },
    };
  }

  /** What a provider's own tools find, and files that it keeps, are not the same twice. */
  #policyOf({ cache }: Route): ResponseCachePolicy | undefined {
    return this.#call.facts.nativeOnly ? undefined : cache;
  }

  #replay(sink: WholeSink<Answer | EmbeddingAnswer>): Replay {
    return this.#call.facts.operation === 'embedding' ? replayEmbedding(sink) : replayWhole(sink);
  }
}

/** The first, and those behind it that are the same model in another mode. */
function sameModel(candidates: readonly Target[]): readonly Target[] {
  const [first] = candidates;
  return candidates.filter(
    ({ provider, model }) => provider === first?.provider && model.id === first.model.id,
  );
}

/** What cannot be read was kept by another version of this program, or broken on its way: a target is asked. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

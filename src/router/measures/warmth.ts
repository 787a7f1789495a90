/**
 * Which target's prompt cache likely holds how much of a request. Providers keep what a prompt begins with for some minutes: the next turn of
 * a conversation, and another conversation with the same instructions, is cheaper where the last one went.
 *
 * What was kept is what the provider says that it read and wrote. Where it does not count writes, a long prompt is taken to be kept, and how
 * far to believe that is learnt of each target from what it later says it read: one that caches nothing soon counts for nothing.
 */
import type { Clock } from '../../core/clock.ts';
import type { Usage } from '../../core/usage.ts';
import type { Target } from '../chain/contract.ts';
import type { Considered } from '../contract.ts';
import { Recent } from './recent.ts';

/** Beginnings of prompts, at each target that was asked. 20 MB at most. */
const mostBeginnings = 50_000;
const mostTargets = 4_096;
/** What providers keep a prompt for, since it was last asked for (Anthropic; OpenAI 5 to 10 minutes). */
const keptMs = 300_000;
/** Below, no provider keeps anything. */
const leastTokens = 1_024;
/** Of a target that does not count its writes, before it has shown anything. */
const firstBelief = 0.5;
const beliefWeight = 0.2;

interface Kept {
  readonly tokens: number;
  readonly atMs: number;
}

export class Warmth {
  readonly #clock: Clock;
  readonly #kept = new Recent<Kept>(mostBeginnings);
  readonly #beliefs = new Recent<number>(mostTargets);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  warmTokens(request: Considered, { name }: Target): number {
    return this.#held(request, name) * (this.#beliefs.get(name) ?? 1);
  }

  observe(request: Considered, { name }: Target, usage: Usage | undefined): void {
    const conversation = request.conversation?.();
    if (conversation === undefined || usage?.inputTokens === undefined) return;
    const { cacheReadTokens: read = 0, cacheWriteTokens: written } = usage;
    const counts = written !== undefined;
    const held = this.#held(request, name);
    if (held > 0 && !counts) {
      const belief = this.#beliefs.get(name) ?? firstBelief;
      this.#beliefs.set(name, belief + beliefWeight * (Math.min(1, read / held) - belief));
    } else if (!counts && this.#beliefs.get(name) === undefined) this.#beliefs.set(name, firstBelief);
    const tokens = counts ? read + written : usage.inputTokens;
    const atMs = this.#clock.now();
    this.#keep(`${conversation.id} ${name}`, tokens, atMs);
    this.#keep(`${conversation.prefixId} ${name}`, Math.min(tokens, conversation.prefixTokens), atMs);
  }

  #keep(name: string, tokens: number, atMs: number): void {
    if (tokens >= leastTokens) this.#kept.set(name, { tokens, atMs });
    else this.#kept.delete(name);
  }

  /** Of the whole conversation, else of what it shares with others. */
  #held(request: Considered, target: string): number {
    if (request.facts.inputTokens < leastTokens / 2) return 0;
    const conversation = request.conversation?.();
    if (conversation === undefined) return 0;
    const oldestMs = this.#clock.now() - keptMs;
    const own = this.#kept.get(`${conversation.id} ${target}`);
    if (own !== undefined && own.atMs > oldestMs) return own.tokens;
    const shared = this.#kept.get(`${conversation.prefixId} ${target}`);
    return shared !== undefined && shared.atMs > oldestMs ? shared.tokens : 0;
  }
}

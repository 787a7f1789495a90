/**
 * Which prompts begin as one before them did, as providers cache by themselves: whole blocks of tokens, and only long beginnings. A stand-in has a cache
 * where the bill's prices say what is read from one.
 */
import { createHash } from 'node:crypto';
import { tokensOf } from './brain.ts';

/** OpenAI's own numbers (prompt caching guide, November 2026). */
const leastTokens = 1024;
const blockTokens = 128;
/** A rehearsal has a handful; without a bound, prompts that are all different would fill memory. */
const mostBeginnings = 10_000;

export interface PromptCache {
  /** Tokens of the prompt that are read from the cache; what was not there is from now on. */
  read(instance: string, model: string, beginning: string): number;
}

export function createPromptCache(): PromptCache {
  const kept = new Set<string>();
  return {
    read(instance, model, beginning) {
      const tokens = Math.floor(tokensOf(beginning.length) / blockTokens) * blockTokens;
      if (tokens < leastTokens) return 0;
      const key = createHash('sha256').update(`${instance}\n${model}\n${beginning}`).digest('base64url');
      if (kept.has(key)) return tokens;
      if (kept.size < mostBeginnings) kept.add(key);
      return 0;
    },
  };
}

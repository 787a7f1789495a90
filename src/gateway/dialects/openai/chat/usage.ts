/** Usage in Chat Completions terms: totals include cached and reasoning tokens, as ours do. */
import type { ChatCompletion } from 'openai/resources/chat/completions';
import type { CompletionUsage } from 'openai/resources/completions';
import type { Usage } from '../../../../core/usage.ts';

type Tier = Extract<ChatCompletion['service_tier'], 'default' | 'flex' | 'priority'>;

/** Which tier served, where the provider says it in a word that has one of OpenAI's at its end. */
const tierWord = /(?:^|[-_ ])(default|flex|priority)$/i;
const tiers: Readonly<Record<string, Tier>> = { default: 'default', flex: 'flex', priority: 'priority' };

export function encodeTier({ serviceTier }: Usage): { readonly service_tier?: Tier } {
  const tier = tiers[tierWord.exec(serviceTier ?? '')?.[1]?.toLowerCase() ?? ''];
  return tier === undefined ? {} : { service_tier: tier };
}

export function encodeUsage(usage: Usage): CompletionUsage {
  const prompt = usage.inputTokens ?? 0;
  const completion = usage.outputTokens ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cacheReadTokens ?? 0,
      audio_tokens: usage.audioInputTokens ?? 0,
      ...(usage.cacheWriteTokens === undefined ? {} : { cache_write_tokens: usage.cacheWriteTokens }),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens ?? 0,
      audio_tokens: usage.audioOutputTokens ?? 0,
      accepted_prediction_tokens: usage.acceptedPredictionTokens ?? 0,
      rejected_prediction_tokens: usage.rejectedPredictionTokens ?? 0,
    },
  };
}

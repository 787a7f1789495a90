/** Usage in Anthropic's terms: input without cached reads and writes. */
import type { Usage as AnthropicUsage } from '@anthropic-ai/sdk/resources/messages';
import type { Usage } from '../../../core/usage.ts';

export type EncodedUsage = Pick<
  AnthropicUsage,
  'input_tokens' | 'output_tokens' | 'cache_read_input_tokens' | 'cache_creation_input_tokens'
> & {
  cache_creation?: AnthropicUsage['cache_creation'];
  output_tokens_details?: AnthropicUsage['output_tokens_details'];
};

export function encodeUsage(usage: Usage | undefined): EncodedUsage {
  // Some providers count more cached tokens than input; the parts may not exceed the whole here.
  const read = Math.min(usage?.cacheReadTokens ?? 0, usage?.inputTokens ?? Number.POSITIVE_INFINITY);
  const write = usage?.cacheWriteTokens ?? 0;
  const split = usage?.cacheWrite5mTokens !== undefined || usage?.cacheWrite1hTokens !== undefined;
  return {
    input_tokens: Math.max(0, (usage?.inputTokens ?? 0) - read - write),
    output_tokens: usage?.outputTokens ?? 0,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: write,
    ...(split
      ? {
          cache_creation: {
            ephemeral_5m_input_tokens: usage?.cacheWrite5mTokens ?? 0,
            ephemeral_1h_input_tokens: usage?.cacheWrite1hTokens ?? 0,
          },
        }
      : {}),
    ...(usage?.reasoningTokens === undefined
      ? {}
      : { output_tokens_details: { thinking_tokens: usage.reasoningTokens } }),
  };
}

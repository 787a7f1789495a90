/** How well-known servers differ from OpenAI's Chat Completions, a row each. A setting in YAML wins. Sources: their API pages, November 2026. */
import { type ChatTraits, openAiTraits } from '../families/openai-chat/traits.ts';

/** A server of which nothing else is known: what the protocol had in its first years, and no OpenAI extras. */
const generic: ChatTraits = {
  ...openAiTraits,
  maxTokensField: 'max_tokens',
  developerRole: false,
  allowedTools: false,
  textParts: false,
  refusals: false,
  strictMessages: false,
};

/** OpenAI's own fields, which stricter servers answer with a 400. */
const openAiOnly = ['service_tier', 'verbosity', 'prompt_cache_key', 'metadata'];

export const flavors = {
  generic,
  ollama: { ...generic, files: false },
  vllm: { ...generic, topK: true, reasoningField: 'reasoning_content' },
  litellm: {
    ...generic,
    topK: true,
    cacheMarks: true,
    thoughtSignatures: true,
    carryField: 'thinking_blocks',
    reasoningField: 'reasoning_content',
  },
  groq: {
    ...generic,
    maxTokensField: 'max_completion_tokens',
    textParts: true,
    names: false,
    files: false,
    strictMessages: true,
    reasoningField: 'reasoning',
    // Documented as unsupported, and answered with a 400.
    refuses: ['logprobs', 'top_logprobs', 'logit_bias', 'verbosity', 'prompt_cache_key', 'metadata'],
  },
  // Mistral reports usage unasked and refuses every field that it does not know; its tool ids are nine letters or digits.
  mistral: {
    ...generic,
    streamUsage: false,
    toolIds: 'short',
    textParts: true,
    midSystem: false,
    names: false,
    files: false,
    strictMessages: true,
    seedField: 'random_seed',
    refuses: [...openAiOnly, 'logprobs', 'top_logprobs', 'logit_bias', 'user', 'stream_options'],
  },
  // DeepSeek knows JSON mode and no schemas, and cannot be forced to call a tool while it thinks. Its reasoning must come back with the
  // calls that followed from it, even where there was none.
  deepseek: {
    ...generic,
    schema: 'json',
    files: false,
    reasoning: 'switch',
    reasoningField: 'reasoning_content',
    reasoningWithCalls: true,
  },
  together: { ...generic, topK: true, files: false },
  openrouter: {
    ...generic,
    textParts: true,
    topK: true,
    cacheMarks: true,
    reasoning: 'object',
    reasoningField: 'reasoning',
    carryField: 'reasoning_details',
  },
  xai: { ...generic, maxTokensField: 'max_completion_tokens', textParts: true, files: false },
  // Google's OpenAI face of Gemini.
  gemini: {
    ...generic,
    textParts: true,
    midSystem: false,
    files: false,
    strictMessages: true,
    thoughtSignatures: true,
    refuses: [...openAiOnly, 'logit_bias', 'seed', 'user', 'parallel_tool_calls'],
  },
} as const satisfies Readonly<Record<string, ChatTraits>>;

export type Flavor = keyof typeof flavors;
export const flavorNames = Object.keys(flavors) as [Flavor, ...Flavor[]]; // of the table above, which is not empty

/** What varies between servers that speak OpenAI Chat Completions. Data, so that a new server is a row and not a branch. */
export interface ChatTraits {
  readonly maxTokensField: 'max_completion_tokens' | 'max_tokens';
  /** Knows `stream_options.include_usage`. */
  readonly streamUsage: boolean;
  /** Takes `developer` for the system prompt of reasoning models. */
  readonly developerRole: boolean;
  /** Takes a system message between turns; where not, it becomes marked user text in its place. */
  readonly midSystem: boolean;
  /** How a JSON Schema for the answer is told: natively, as the input of one forced tool, or in words beside JSON mode. */
  readonly schema: 'native' | 'tool' | 'json';
  /** `short`: exactly nine letters or digits (Mistral). */
  readonly toolIds: 'any' | 'short';
  /** Knows `tool_choice: allowed_tools`; where not, the list of tools is cut. */
  readonly allowedTools: boolean;
  /** Takes lists of text parts; where not, texts are joined. */
  readonly textParts: boolean;
  /** Takes `name` on messages. */
  readonly names: boolean;
  /** Takes `file` parts. */
  readonly files: boolean;
  /** Takes `refusal` on an assistant's message; where not, it goes back as its text. */
  readonly refusals: boolean;
  /** Takes `top_k`, which OpenAI itself has not. */
  readonly topK: boolean;
  readonly seedField: 'seed' | 'random_seed';
  /** `reasoning_effort`, OpenRouter's `reasoning` object, DeepSeek's `thinking` switch, or no way at all. */
  readonly reasoning: 'effort' | 'object' | 'switch' | 'none';
  /** Under which name an assistant's earlier reasoning goes back; absent: it is left out. */
  readonly reasoningField?: 'reasoning_content' | 'reasoning';
  /** Earlier reasoning goes back on messages with tool calls alone, and there even when it is empty (DeepSeek). */
  readonly reasoningWithCalls: boolean;
  /** In which field signed or encrypted reasoning goes back to the server that made it. */
  readonly carryField?: 'reasoning_details' | 'thinking_blocks';
  /** Takes `extra_content.google.thought_signature` on tool calls. */
  readonly thoughtSignatures: boolean;
  /** Takes Anthropic's `cache_control` on text parts. */
  readonly cacheMarks: boolean;
  /** Refuses a message with fields that it does not know; most servers ignore them. */
  readonly strictMessages: boolean;
  /** Other top-level fields of the protocol that the server answers with an error; they are left out and reported. */
  readonly refuses: readonly string[];
}

export const openAiTraits: ChatTraits = {
  maxTokensField: 'max_completion_tokens',
  streamUsage: true,
  developerRole: true,
  midSystem: true,
  schema: 'native',
  toolIds: 'any',
  allowedTools: true,
  textParts: true,
  names: true,
  files: true,
  refusals: true,
  topK: false,
  seedField: 'seed',
  reasoning: 'effort',
  reasoningWithCalls: false,
  thoughtSignatures: false,
  cacheMarks: false,
  strictMessages: true,
  refuses: [],
};

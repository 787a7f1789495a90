/**
 * Tokens of one answer, as totals: `inputTokens` includes cached reads and writes, `outputTokens` includes
 * reasoning. Dialects subtract where their own shape excludes (Anthropic, Converse). A count that the provider did
 * not give is absent, never zero.
 */
export interface Usage {
  readonly inputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWrite5mTokens?: number;
  readonly cacheWrite1hTokens?: number;
  /** All cache writes, also where the provider does not split them by lifetime. */
  readonly cacheWriteTokens?: number;
  readonly outputTokens?: number;
  readonly reasoningTokens?: number;
  readonly audioInputTokens?: number;
  readonly audioOutputTokens?: number;
  readonly acceptedPredictionTokens?: number;
  readonly rejectedPredictionTokens?: number;
  /** The tier that really served, in the provider's word. */
  readonly serviceTier?: string;
}

/** Later reports win field by field: providers correct themselves, and cumulative counts repeat (Anthropic, Gemini). */
export function mergeUsage(earlier: Usage | undefined, later: Usage): Usage {
  return earlier === undefined ? later : { ...earlier, ...later };
}

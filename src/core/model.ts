/** What is known of a model: enough to decide whether a request fits it and to shape the request for it. */
import type { Capability } from './capability.ts';
import type { Effort } from './request.ts';

/**
 * How the model takes `temperature` and `top_p`:
 * `free` both, `one-of` not both at once (Claude 4.x), `fixed` neither (reasoning models, newest Claude).
 */
export type Sampling = 'free' | 'one-of' | 'fixed';

/**
 * How the model is told to think: not at all, by a token budget (`thinking.budget_tokens`, `thinkingBudget`),
 * adaptively with an effort (newest Claude), by effort (`reasoning_effort`), or by level (Gemini 3).
 */
export type ThinkingControl = 'none' | 'budget' | 'adaptive' | 'effort' | 'level';

/** The vocabularies that OpenAI has published, by its own names for them. */
export type TokenizerName = 'o200k' | 'cl100k';

export interface ModelInfo {
  /** As the target names it; never a guess. */
  readonly id: string;
  /** False when the catalog does not know the model: everything is then allowed and left to the provider to refuse. */
  readonly known: boolean;
  /** Input and output together, in tokens. */
  readonly contextTokens?: number;
  readonly maxOutputTokens?: number;
  readonly capabilities: ReadonlySet<Capability>;
  readonly sampling: Sampling;
  readonly thinking: ThinkingControl;
  /** Efforts that the model accepts, weakest first; absent: unknown, send as asked. */
  readonly efforts?: readonly Effort[];
  /** Accepts a system message between turns. */
  readonly midSystem: boolean;
  /** Accepts an unfinished assistant turn as the last message. */
  readonly prefill: boolean;
  /** How the model cuts text into tokens; absent where its maker has not said. */
  readonly tokenizer?: TokenizerName;
  /** Takes a JSON Schema natively; otherwise a forced tool stands in. */
  readonly nativeSchema: boolean;
}

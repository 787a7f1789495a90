/**
 * One inference in neutral form, whatever dialect it came in. Dialects decode to this; provider codecs encode from it.
 *
 * A field that is absent was not asked for; `0`, `''` and `false` are values. Units are in the names.
 */
import type { CacheMark, Message, TextBlock } from './content.ts';

export type Effort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max';

export interface FunctionTool {
  readonly kind: 'function';
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments; absent means no arguments. Never mutated. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly strict?: boolean;
  readonly cache?: CacheMark;
}

/** A free-text tool (OpenAI `custom`). */
export interface CustomTool {
  readonly kind: 'custom';
  readonly name: string;
  readonly description?: string;
  readonly format?: unknown;
}

/** A tool that the provider itself runs; only a target of the same protocol can have it. */
export interface ServerTool {
  readonly kind: 'server';
  readonly protocol: string;
  readonly raw: unknown;
}

export type Tool = FunctionTool | CustomTool | ServerTool;

export type ToolChoice =
  | { readonly kind: 'auto' }
  | { readonly kind: 'none' }
  | { readonly kind: 'required' }
  | { readonly kind: 'tool'; readonly name: string }
  | { readonly kind: 'subset'; readonly names: readonly string[]; readonly required: boolean };

export type OutputFormat =
  | { readonly kind: 'text' }
  | { readonly kind: 'json' }
  | {
      readonly kind: 'schema';
      readonly name?: string;
      readonly description?: string;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly strict?: boolean;
    };

export interface Reasoning {
  /** `auto` leaves the depth to the model (Anthropic adaptive, Gemini dynamic). */
  readonly mode: 'off' | 'auto' | 'on';
  readonly effort?: Effort;
  readonly budgetTokens?: number;
  readonly show?: 'none' | 'summary' | 'full';
}

export interface ChatRequest {
  readonly kind: 'chat';
  /** As the caller named it: a route, or a target. */
  readonly model: string;
  readonly system: readonly TextBlock[];
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  /** `false`: at most one call a turn. */
  readonly parallelTools?: boolean;
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly logitBias?: Readonly<Record<string, number>>;
  /** How many answers (OpenAI `n`). */
  readonly choices?: number;
  /** Absent: none wanted. `top`: how many alternatives a token. */
  readonly logprobs?: { readonly top: number };
  readonly format?: OutputFormat;
  readonly reasoning?: Reasoning;
  readonly verbosity?: 'low' | 'medium' | 'high';
  readonly serviceTier?: string;
  readonly cacheKey?: string;
  readonly endUser?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly stream: boolean;
  /** The caller asked for a usage report in its stream. Dialects that always report set it. */
  readonly streamUsage: boolean;
  /** Top-level fields of the caller's dialect that have no neutral form; dropped, and reported, across protocols. */
  readonly extensions: Readonly<Record<string, unknown>>;
  /** What the dialect that decoded the request wants to know again when it writes the answer; nobody else reads it. */
  readonly notes?: Readonly<Record<string, boolean>>;
}

export interface EmbeddingRequest {
  readonly kind: 'embedding';
  readonly model: string;
  /** Texts, or token-id lists. */
  readonly inputs: readonly string[] | readonly (readonly number[])[];
  readonly dimensions?: number;
  /** How the caller wants vectors written. The neutral answer is always numbers. */
  readonly encoding: 'float' | 'base64';
  readonly endUser?: string;
  readonly extensions: Readonly<Record<string, unknown>>;
}

const effortOrder: readonly Effort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

/** The strongest effort that is allowed and no stronger than wanted; the weakest allowed one if all are stronger. */
export function nearestEffort(wanted: Effort, allowed: readonly Effort[] | undefined): Effort {
  if (allowed === undefined || allowed.includes(wanted)) return wanted;
  const rank = (effort: Effort): number => effortOrder.indexOf(effort);
  const weaker = allowed.filter((effort) => rank(effort) <= rank(wanted));
  return weaker.at(-1) ?? allowed[0] ?? wanted;
}

/**
 * How the makers of models behind Converse differ in what their models take. Converse gives all one shape, and answers 400
 * for the parts that a model does not know. Source: the notes in AWS's own API types and refusals that users quote, November 2026.
 */
import type { CarryFamily } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';

export interface ConverseTraits {
  /** Claude's signatures are one family wherever Claude runs. */
  readonly family: CarryFamily;
  /** How thinking is asked for, in the fields that Converse passes on unread. */
  readonly thinking: 'claude' | 'nova' | 'effort' | 'none';
  /** Where `top_k` goes: a field of its own, Nova's inference config, nowhere. */
  readonly topK: 'field' | 'nova' | 'none';
  /** Which forced tool choices the model takes: a named one, any one, none. */
  readonly forced: 'tool' | 'any' | 'none';
  /** Where cache points may stand; absent: nowhere. A hint that is refused costs the request, so the cautious answer wins. */
  readonly cache?: { readonly tools: boolean; readonly ttl: boolean };
  /** False: text may stand in no turn that holds calls or results ("cannot be provided in the same turn"). */
  readonly mixedTurns: boolean;
  /** Mistral's own API takes tool ids of nine letters and digits only, on Bedrock too. */
  readonly shortIds: boolean;
  /** Reports the stop sequence it met where it is asked to. */
  readonly tellsSequence: boolean;
  /** Newest Claude alone is known to take a system message between turns. */
  readonly midSystem: boolean;
}

const plain: ConverseTraits = {
  family: 'converse',
  thinking: 'none',
  topK: 'none',
  forced: 'tool',
  mixedTurns: true,
  shortIds: false,
  tellsSequence: false,
  midSystem: false,
};

const claude: ConverseTraits = {
  ...plain,
  family: 'anthropic',
  thinking: 'claude',
  topK: 'field',
  cache: { tools: true, ttl: true },
  tellsSequence: true,
  midSystem: true,
};

const vendors: Readonly<Record<string, ConverseTraits>> = {
  anthropic: claude,
  amazon: { ...plain, thinking: 'nova', topK: 'nova', cache: { tools: false, ttl: false } },
  openai: { ...plain, thinking: 'effort' },
  meta: { ...plain, forced: 'none', mixedTurns: false },
  mistral: { ...plain, topK: 'field', forced: 'any', mixedTurns: false, shortIds: true },
  cohere: { ...plain, forced: 'none' },
  ai21: { ...plain, forced: 'none' },
  deepseek: { ...plain, forced: 'none' },
};

/**
 * By the maker's name in the model id (`us.anthropic.claude-…`, `…inference-profile/eu.amazon.nova-…`). An application
 * profile's ARN names none; its settings then tell: `thinking: budget` or `adaptive` is Claude's way.
 */
export function traitsOf(model: ModelInfo): ConverseTraits {
  const vendor = vendorOf(model.id);
  if (vendor !== undefined) return vendors[vendor] ?? plain;
  return model.thinking === 'budget' || model.thinking === 'adaptive' ? claude : plain;
}

const named = /^(?:(?:us|eu|apac|global|jp|au|ca|sa|us-gov)\.)?([a-z0-9]+)\.[a-z]/;

/** `undefined` where the id does not say. */
export function vendorOf(id: string): string | undefined {
  return named.exec(id.slice(id.lastIndexOf('/') + 1))?.[1];
}

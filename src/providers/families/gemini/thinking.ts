/** How long to think, in this model's own terms: a token budget (Gemini 2.5) or a level (Gemini 3). */
import { type ChatRequest, type Effort, nearestEffort, type Reasoning } from '../../../core/request.ts';
import type { RestGenerationConfig, RestThinkingLevel } from './rest-shape.ts';
import type { GeminiTraits } from './traits.ts';

type ThinkingConfig = NonNullable<RestGenerationConfig['thinkingConfig']>;

/** The model decides. */
const dynamicBudget = -1;

/** Budgets for efforts, where the model knows budgets only. */
const budgets: Readonly<Record<Exclude<Effort, 'none'>, number>> = {
  minimal: 512,
  low: 2048,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 32_768,
};

const levels: Readonly<Record<Effort, RestThinkingLevel>> = {
  none: 'MINIMAL',
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'HIGH',
  max: 'HIGH',
};

export function encodeThinking(
  request: ChatRequest,
  traits: GeminiTraits,
  dropped: Set<string>,
): ThinkingConfig | undefined {
  const { reasoning } = request;
  if (reasoning === undefined) return undefined;
  const off = reasoning.mode === 'off' || reasoning.effort === 'none' || reasoning.budgetTokens === 0;
  if (traits.thinking === 'none') {
    if (!off) dropped.add('reasoning');
    return undefined;
  }
  const depth =
    traits.thinking === 'budget'
      ? { thinkingBudget: budgetOf(reasoning, off, request.maxOutputTokens, traits, dropped) }
      : levelOf(reasoning, off, traits, dropped);
  // A caller who asks for thinking sees it unless it says otherwise, as with Claude.
  const shown = !off && reasoning.show !== 'none';
  const config = { ...depth, ...(shown ? { includeThoughts: true } : {}) };
  return Object.keys(config).length === 0 ? undefined : config;
}

function budgetOf(
  reasoning: Reasoning,
  off: boolean,
  maxOutputTokens: number | undefined,
  traits: GeminiTraits,
  dropped: Set<string>,
): number {
  const { least, most, canTurnOff } = traits.budget;
  if (off) {
    if (canTurnOff) return 0;
    dropped.add('reasoning');
    return least;
  }
  const { budgetTokens, effort } = reasoning;
  const wanted = budgetTokens ?? (effort === undefined || effort === 'none' ? undefined : budgets[effort]);
  if (wanted === undefined || wanted < 0) return dynamicBudget;
  // Thoughts count as output: a limit that the caller chose must leave room for an answer.
  const room = maxOutputTokens === undefined ? most : Math.min(most, maxOutputTokens - 1);
  return Math.max(least, Math.min(wanted, room));
}

function levelOf(
  reasoning: Reasoning,
  off: boolean,
  traits: GeminiTraits,
  dropped: Set<string>,
): ThinkingConfig {
  const { budgetTokens } = reasoning;
  const effort = off
    ? 'none'
    : (reasoning.effort ?? (budgetTokens === undefined ? undefined : effortOf(budgetTokens)));
  if (effort === undefined) return {};
  // MINIMAL is as good as off; where even that is missing, the model will think.
  if (off && !traits.levels.includes('minimal')) dropped.add('reasoning');
  else if (!off && budgetTokens !== undefined && reasoning.effort === undefined)
    dropped.add('thinking.budget_tokens');
  return { thinkingLevel: levels[nearestEffort(effort, traits.levels)] };
}

function effortOf(budgetTokens: number): Effort {
  if (budgetTokens <= 512) return 'minimal';
  if (budgetTokens <= 4096) return 'low';
  return budgetTokens <= 16_384 ? 'medium' : 'high';
}

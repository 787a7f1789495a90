/** How hard the model is to think, in the server's way of saying it. */
import type { ReasoningEffort } from 'openai/resources/shared';
import { type ChatRequest, type Effort, nearestEffort, type Reasoning } from '../../../core/request.ts';
import type { EncodeState } from './encode-content.ts';

export interface ThinkingFields {
  reasoning_effort?: ReasoningEffort;
  reasoning?: { effort: Effort } | { max_tokens: number } | { enabled: boolean };
  thinking?: { type: 'enabled' | 'disabled' };
}

export function encodeThinking({ reasoning }: ChatRequest, state: EncodeState): ThinkingFields {
  if (reasoning === undefined) return {};
  const { model, traits, dropped } = state;
  switch (traits.reasoning) {
    case 'effort':
      if (model.thinking === 'effort') return encodeEffort(reasoning, state);
      break;
    case 'object':
      if (model.capabilities.has('reasoning')) return { reasoning: objectOf(reasoning) };
      break;
    case 'switch':
      if (model.capabilities.has('reasoning')) {
        if (reasoning.effort !== undefined && reasoning.mode !== 'off') dropped.add('reasoning_effort');
        return { thinking: { type: reasoning.mode === 'off' ? 'disabled' : 'enabled' } };
      }
      break;
    case 'none':
      break;
  }
  if (reasoning.mode !== 'off') dropped.add('reasoning');
  return {};
}

function encodeEffort(reasoning: Reasoning, { model, dropped }: EncodeState): ThinkingFields {
  if (reasoning.mode === 'off') {
    // Of a model that we do not know we cannot tell whether it takes the field at all: only an explicit wish is passed on.
    if (model.efforts === undefined) return reasoning.effort === 'none' ? { reasoning_effort: 'none' } : {};
    const least = nearestEffort('none', model.efforts);
    if (least !== 'none') dropped.add('reasoning');
    return { reasoning_effort: least };
  }
  if (reasoning.effort !== undefined) {
    const effort = nearestEffort(reasoning.effort, model.efforts);
    if (effort !== reasoning.effort) dropped.add('reasoning_effort');
    return { reasoning_effort: effort };
  }
  if (reasoning.budgetTokens === undefined) return {};
  dropped.add('thinking.budget_tokens');
  // A budget is a wish in another protocol's words: too little to send an unknown model a field that it may refuse.
  if (!model.known) return {};
  return { reasoning_effort: nearestEffort(effortOfBudget(reasoning.budgetTokens), model.efforts) };
}

/** Budgets are Anthropic's and Gemini's way to say how hard; the thresholds are the middle between the budgets usual for each effort. */
function effortOfBudget(budgetTokens: number): Effort {
  if (budgetTokens <= 4096) return 'low';
  return budgetTokens <= 16_384 ? 'medium' : 'high';
}

function objectOf(reasoning: Reasoning): NonNullable<ThinkingFields['reasoning']> {
  if (reasoning.mode === 'off') return { enabled: false };
  if (reasoning.effort !== undefined) return { effort: reasoning.effort };
  return reasoning.budgetTokens === undefined ? { enabled: true } : { max_tokens: reasoning.budgetTokens };
}

/**
 * How a request's reasoning is asked of Claude: by a token budget (up to 4.5), adaptively with an effort (4.6 and later, which deprecate or
 * refuse budgets), or not at all.
 */
import type { OutputConfig, ThinkingConfigParam } from '@anthropic-ai/sdk/resources/messages';
import type { ModelInfo } from '../../../core/model.ts';
import { type ChatRequest, type Effort, nearestEffort, type Reasoning } from '../../../core/request.ts';
import { effortBudgets, leastBudget } from '../claude-budgets.ts';

/** When the caller sets no limit: enough for any usual answer, under every current model's maximum. */
export const defaultMaxTokens = 32_000;
export interface Thinking {
  readonly config?: ThinkingConfigParam;
  readonly effort?: NonNullable<OutputConfig['effort']>;
  readonly on: boolean;
  /** Added to the output limit when the caller set none. */
  readonly budget: number;
}

const off: Thinking = { on: false, budget: 0 };

export function planThinking(
  request: ChatRequest,
  model: ModelInfo,
  forcedJson: boolean,
  dropped: Set<string>,
): Thinking {
  const { reasoning } = request;
  if (reasoning === undefined || reasoning.mode === 'off') return off;
  const effort = model.thinking === 'adaptive' ? outputEffort(reasoning, model) : undefined;
  const still = effort === undefined ? off : { ...off, effort };
  if (model.thinking === 'none' || forcedJson || lacksThinking(request)) {
    dropped.add('reasoning');
    return still;
  }
  // A forced tool and thinking exclude each other. What the caller said outright wins over what we read from an effort.
  if (forcesTool(request) && !isExplicit(reasoning)) {
    dropped.add('reasoning');
    return still;
  }
  if (model.thinking === 'budget' || (!model.known && reasoning.budgetTokens !== undefined))
    return budgeted(request, reasoning, model, dropped);
  if (reasoning.budgetTokens !== undefined) dropped.add('thinking.budget_tokens');
  return { ...still, config: { type: 'adaptive', ...display(reasoning) }, on: true };
}

/** True where the caller's choice makes a call certain. */
export function forcesTool({ toolChoice, tools }: ChatRequest): boolean {
  if (tools.length === 0 || toolChoice === undefined) return false;
  return (
    toolChoice.kind === 'required' ||
    toolChoice.kind === 'tool' ||
    (toolChoice.kind === 'subset' && toolChoice.required)
  );
}

function isExplicit(reasoning: Reasoning): boolean {
  return reasoning.mode === 'auto' || reasoning.budgetTokens !== undefined;
}

function display({ show }: Reasoning): { display?: 'omitted' | 'summarized' } {
  if (show === undefined) return {};
  return { display: show === 'none' ? 'omitted' : 'summarized' };
}

function budgeted(
  request: ChatRequest,
  reasoning: Reasoning,
  model: ModelInfo,
  dropped: Set<string>,
): Thinking {
  const { effort } = reasoning;
  const wanted =
    reasoning.budgetTokens ?? effortBudgets[effort === undefined || effort === 'none' ? 'medium' : effort];
  const most = model.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  const limit = Math.min(most, request.maxOutputTokens ?? defaultMaxTokens + wanted);
  const budget = Math.min(wanted, limit - 1);
  if (budget < leastBudget) {
    dropped.add('reasoning');
    return off;
  }
  return { config: { type: 'enabled', budget_tokens: budget, ...display(reasoning) }, on: true, budget };
}

/** The effort that was asked for, or the one whose budget is nearest below the one that was asked for. */
function outputEffort(reasoning: Reasoning, model: ModelInfo): Thinking['effort'] {
  const wanted = reasoning.effort ?? effortOf(reasoning.budgetTokens);
  if (wanted === undefined) return undefined;
  const effort = nearestEffort(wanted, model.efforts);
  return effort === 'none' || effort === 'minimal' ? 'low' : effort;
}

function effortOf(budgetTokens: number | undefined): Effort | undefined {
  if (budgetTokens === undefined) return undefined;
  const fitting = (['low', 'medium', 'high', 'xhigh', 'max'] as const).filter(
    (effort) => effortBudgets[effort] <= budgetTokens,
  );
  return fitting.at(-1) ?? 'low';
}

/**
 * In a tool loop the last assistant turn must begin with its signed thinking, or Claude answers 400. A history that lacks it (it came
 * from another provider, or the client did not keep it) is continued without thinking.
 */
function lacksThinking({ messages }: ChatRequest): boolean {
  const last = messages.findLastIndex((message) => message.role === 'assistant');
  const answered = messages
    .slice(last + 1)
    .some((message) => message.blocks.some((block) => block.type === 'tool-result'));
  if (last < 0 || !answered) return false;
  // Neighbouring assistant messages become one turn, so the turn begins with the first of them.
  let first = last;
  while (messages[first - 1]?.role === 'assistant') first -= 1;
  const turn = messages.slice(first, last + 1).flatMap((message) => message.blocks);
  const start = turn.find((block) => !isNothing(block));
  return !(start?.type === 'reasoning' && start.carry?.family === 'anthropic');
}

/** Blocks that do not survive the encoding. */
function isNothing(block: ChatRequest['messages'][number]['blocks'][number]): boolean {
  if (block.type === 'text' || block.type === 'refusal') return block.text.trim() === '';
  return block.type === 'reasoning' && block.carry?.family !== 'anthropic';
}

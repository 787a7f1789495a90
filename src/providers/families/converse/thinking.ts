/** How a request's reasoning is asked of each kind of model. Converse has no field of its own for it but `outputConfig.effort`. */
import type { ModelInfo } from '../../../core/model.ts';
import { type ChatRequest, type Effort, nearestEffort, type Reasoning } from '../../../core/request.ts';
import { effortBudgets, leastBudget } from '../claude-budgets.ts';
import type { FreeForm } from './rest-shape.ts';
import type { ConverseTraits } from './traits.ts';

export interface Thinking {
  readonly on: boolean;
  /** For the model alone: `additionalModelRequestFields`. */
  readonly fields: FreeForm;
  /** For `outputConfig`. */
  readonly effort?: Effort;
  /** Nova at its highest effort takes no limit and no sampling. */
  readonly fixedSampling?: boolean;
}

const off: Thinking = { on: false, fields: {} };
export function encodeThinking(
  request: ChatRequest,
  model: ModelInfo,
  traits: ConverseTraits,
  forcedJson: boolean,
  dropped: Set<string>,
): Thinking {
  const { reasoning } = request;
  if (reasoning === undefined || reasoning.mode === 'off' || reasoning.effort === 'none') return off;
  const asked =
    forcedJson || (traits.thinking === 'claude' && lacksThinking(request))
      ? undefined
      : ask(request, reasoning, model, traits, dropped);
  if (asked !== undefined) return asked;
  dropped.add('reasoning');
  return off;
}

/** `undefined` where the model cannot be asked. */
function ask(
  request: ChatRequest,
  reasoning: Reasoning,
  model: ModelInfo,
  traits: ConverseTraits,
  dropped: Set<string>,
): Thinking | undefined {
  switch (traits.thinking) {
    case 'claude':
      return model.thinking === 'none' ? undefined : askClaude(request, reasoning, model);
    case 'nova':
      return model.capabilities.has('reasoning') ? askNova(request, reasoning, dropped) : undefined;
    case 'effort':
      // gpt-oss always thinks; how hard is a flat field.
      return {
        on: true,
        fields: { reasoning_effort: nearestEffort(effortOf(reasoning), model.efforts) },
      };
    case 'none':
      return undefined;
  }
}

function askClaude(request: ChatRequest, reasoning: Reasoning, model: ModelInfo): Thinking | undefined {
  const display =
    reasoning.show === undefined || reasoning.show === 'full'
      ? {}
      : { display: reasoning.show === 'none' ? 'omitted' : 'summarized' };
  if (model.thinking === 'adaptive' && reasoning.budgetTokens === undefined) {
    const effort =
      reasoning.effort === undefined ? undefined : nearestEffort(reasoning.effort, model.efforts);
    return {
      on: true,
      fields: { thinking: { type: 'adaptive', ...display } },
      ...(effort === undefined ? {} : { effort: effort === 'minimal' ? 'low' : effort }),
    };
  }
  const wanted = reasoning.budgetTokens ?? budgetOf(reasoning);
  const room = (request.maxOutputTokens ?? model.maxOutputTokens ?? Number.POSITIVE_INFINITY) - 1;
  const budget = Math.min(wanted, room);
  if (budget < leastBudget) return undefined;
  return { on: true, fields: { thinking: { type: 'enabled', budget_tokens: budget, ...display } } };
}

/** Nova 2: low, medium, high. At high it refuses `maxTokens`, so a caller's limit lowers the effort instead of being ignored. */
function askNova(request: ChatRequest, reasoning: Reasoning, dropped: Set<string>): Thinking {
  const budget = reasoning.budgetTokens ?? budgetOf(reasoning);
  const wanted = budget < effortBudgets.medium ? 'low' : budget < effortBudgets.high ? 'medium' : 'high';
  const limited = wanted === 'high' && request.maxOutputTokens !== undefined;
  if (limited) dropped.add('reasoning_effort');
  const effort = limited ? 'medium' : wanted;
  return {
    on: true,
    fields: { reasoningConfig: { type: 'enabled', maxReasoningEffort: effort } },
    ...(effort === 'high' ? { fixedSampling: true } : {}),
  };
}

function effortOf({ effort, budgetTokens }: Reasoning): Exclude<Effort, 'none'> {
  if (effort !== undefined && effort !== 'none') return effort;
  if (budgetTokens === undefined) return 'medium';
  return budgetTokens < effortBudgets.medium ? 'low' : budgetTokens < effortBudgets.high ? 'medium' : 'high';
}

function budgetOf(reasoning: Reasoning): number {
  return effortBudgets[effortOf(reasoning)];
}

/**
 * In a tool loop Claude's last turn must begin with its signed thinking, or the answer is 400. A history that lacks it (it came from
 * another provider, or the client did not keep it) is continued without thinking.
 */
function lacksThinking({ messages }: ChatRequest): boolean {
  if (messages.at(-1)?.blocks.some((block) => block.type === 'tool-result') !== true) return false;
  const last = messages.findLast((message) => message.role === 'assistant');
  if (last?.blocks.some((block) => block.type === 'tool-call') !== true) return false;
  return !last.blocks.some((block) => block.type === 'reasoning' && block.carry?.family === 'anthropic');
}

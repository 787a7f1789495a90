/** How hard Claude thinks, as tokens: for efforts, on models that take budgets only. */
import type { Effort } from '../../core/request.ts';

/** Fewer are refused. */
export const leastBudget = 1024;

export const effortBudgets: Readonly<Record<Exclude<Effort, 'none'>, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 48_000,
};

/** The limits and budgets of a config, as `check` shows them: what is written and what holds where nothing is. */
import type { Config } from '../config/schema.ts';
import { thousands } from './amounts.ts';
import { table } from './table.ts';

const rates = ['rpm', 'rpd', 'input_tpm', 'output_tpm', 'tpm', 'concurrent'] as const;
const periods = ['daily', 'weekly', 'monthly', 'per_batch'] as const;

const percent = (share: number): string => `${Number((share * 100).toFixed(2))}%`;

/** Only the columns that somebody uses. */
export function limitsTable({ limits }: Config): string {
  const entries = Object.entries(limits);
  const used = rates.filter((key) => entries.some(([, written]) => written[key] !== undefined));
  const rows = entries.map(([name, written]) => [
    name,
    ...used.map((key) => {
      const limit = written[key];
      return limit === undefined ? '-' : thousands(limit);
    }),
    percent(written.burst),
    percent(written.headroom),
  ]);
  return table(['limits of', ...used, 'burst', 'headroom'], rows, new Set([...used, 'burst', 'headroom']));
}

export function limitsJson({ limits }: Config): readonly object[] {
  return Object.entries(limits).map(([name, written]) => ({ name, ...written }));
}

type Budget = Config['budgets'][number];

export function budgetsTable({ budgets }: Config): string {
  const used = periods.filter((key) => budgets.some((budget) => budget[key] !== undefined));
  const rows = budgets.map((budget) => [
    ownerText(budget),
    ...used.map((key) => {
      const cap = budget[key];
      return cap === undefined ? '-' : `$${thousands((cap / 1e6).toFixed(2))}`;
    }),
    budget.zone,
    budget.hard ? 'refuses' : 'warns only',
    budget.alerts.map(percent).join(', ') || '-',
  ]);
  return table(['budget of', ...used, 'zone', 'when spent', 'warns at'], rows, new Set<string>(used));
}

/** `all`, `key search`, `each key`. */
function ownerText(budget: Budget): string {
  const { scope } = budget;
  if (scope === 'all') return 'all';
  const of = budget[scope];
  return of === '*' ? `each ${scope}` : `${scope} ${of}`;
}

export function budgetsJson({ budgets }: Config): readonly object[] {
  return budgets.map((budget) => {
    const usd = (cap: number | undefined): number | null => (cap === undefined ? null : cap / 1e6);
    return {
      scope: budget.scope,
      of: budget.scope === 'all' ? null : (budget[budget.scope] ?? null),
      daily_usd: usd(budget.daily),
      weekly_usd: usd(budget.weekly),
      monthly_usd: usd(budget.monthly),
      per_batch_usd: usd(budget.per_batch),
      zone: budget.zone,
      hard: budget.hard,
      alerts: budget.alerts,
    };
  });
}

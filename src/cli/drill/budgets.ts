/** The ends of budgets in a drill: somebody else spends what is left of one. */
import type { Charge, Limits } from '../../limits/contract.ts';
import type { BudgetRule } from '../../router/contract.ts';

export interface Counter {
  readonly rule: BudgetRule;
  readonly key: string;
}

/** Whose money a script means: `all`, `key:search`. */
export function ownerOf(of: string): { readonly scope: string; readonly owner: string } {
  const colon = of.indexOf(':');
  return colon < 0 ? { scope: of, owner: '' } : { scope: of.slice(0, colon), owner: of.slice(colon + 1) };
}

/** The counters of an owner's budgets, in the windows of now. Those of batches are of each batch, and have none. */
export function countersOf(rules: readonly BudgetRule[], of: string, nowMs: number): readonly Counter[] {
  const { scope, owner } = ownerOf(of);
  return rules
    .filter((rule) => rule.period !== 'batch' && rule.scope === scope)
    .filter((rule) => scope === 'all' || rule.of === '*' || rule.of === owner)
    .map((rule) => {
      const name = rule.of === '*' ? `${rule.name}:${owner}` : rule.name;
      return { rule, key: `${name}/${rule.window(nowMs).name}` };
    });
}

/** What of the cap is neither used nor set aside is gone. What requests that run have set aside stays theirs. */
export async function spendAll(limits: Limits, { rule, key }: Counter, nowMs: number): Promise<void> {
  const { usedNanoUsd, heldNanoUsd } = limits.budget(key);
  const nanoUsd = rule.capNanoUsd - usedNanoUsd - heldNanoUsd;
  if (nanoUsd <= 0) return;
  const charge: Charge = {
    key,
    capNanoUsd: Number.POSITIVE_INFINITY,
    nanoUsd,
    expiresAtMs: rule.window(nowMs).endMs + 3_600_000,
  };
  const verdict = await limits.reserve({
    id: `drill ${key}`,
    takes: [],
    slots: [],
    charges: [charge],
    maxWaitMs: 0,
  });
  if (verdict.ok) verdict.reservation.settle([], nanoUsd);
}

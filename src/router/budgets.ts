/**
 * Which budgets a request falls under, and what it charges to each: one counter a rule, owner and window. Says once when a
 * budget passes a share that its owner wants to hear of.
 */
import type { Charge, Limits } from '../limits/contract.ts';
import type { Target } from './chain/contract.ts';
import type { BudgetRule, Call, Policy, Route } from './contract.ts';

/** A settlement may come this long after its window has ended. */
const graceMs = 3_600_000;
/** One entry a live window; those that have ended are forgotten when there are this many. */
const mostAlerts = 10_000;

export interface BudgetAlert {
  readonly budget: string;
  /** The share that was passed. */
  readonly share: number;
  readonly usedNanoUsd: number;
  readonly capNanoUsd: number;
  readonly hard: boolean;
}

/** A charge of a rule, without its amount. */
export interface Due {
  readonly rule: BudgetRule;
  readonly key: string;
  readonly expiresAtMs: number;
}

/** What of a call says whose money it is. */
export type Payer = Pick<Call, 'caller' | 'tags' | 'batch'>;

export function dueOf(
  call: Payer,
  route: Route,
  target: Target,
  policy: Policy,
  nowMs: number,
): readonly Due[] {
  const own = call.caller?.budgets;
  if (policy.budgets.length === 0 && (own === undefined || own.length === 0)) return none;
  const due: Due[] = [];
  for (const rule of policy.budgets) addDue(due, rule, call, route, target, nowMs);
  if (own !== undefined) for (const rule of own) addDue(due, rule, call, route, target, nowMs);
  return due;
}

const none: readonly Due[] = [];

function addDue(
  due: Due[],
  rule: BudgetRule,
  call: Payer,
  route: Route,
  target: Target,
  nowMs: number,
): void {
  const { scope, of } = rule;
  if (rule.period === 'batch' && call.batch === undefined) return;
  if (scope === 'all') {
    due.push(dueFrom(rule, rule.name, call, nowMs));
    return;
  }
  if (scope === 'tag') {
    for (const tag of call.tags)
      if (of === '*' || of === tag) due.push(dueFrom(rule, nameFor(rule, tag), call, nowMs));
    return;
  }
  const owner = ownerIn(scope, call, route, target);
  if (owner !== undefined && (of === '*' || of === owner))
    due.push(dueFrom(rule, nameFor(rule, owner), call, nowMs));
}

function ownerIn(
  scope: 'key' | 'team' | 'route' | 'provider',
  call: Payer,
  route: Route,
  target: Target,
): string | undefined {
  switch (scope) {
    case 'key':
      return call.caller?.key;
    case 'team':
      return call.caller?.team;
    case 'route':
      return route.name;
    case 'provider':
      return target.provider;
  }
}

/** A rule for every key counts for each of them by itself. */
const nameFor = ({ name, of }: BudgetRule, owner: string): string => (of === '*' ? `${name}:${owner}` : name);

/** Kept for as long as the window runs: making a name anew for every request costs more than counting under it. */
const kept = new WeakMap<BudgetRule, { readonly window: string; readonly byName: Map<string, Due> }>();
/** Owners of one rule that are kept; tags and batches come from callers. */
const mostOwners = 10_000;

function dueFrom(rule: BudgetRule, name: string, call: Payer, nowMs: number): Due {
  const part = rule.period === 'batch' ? (call.batch ?? '') : undefined;
  if (part !== undefined)
    return { rule, key: `${name}/${part}`, expiresAtMs: rule.window(nowMs).endMs + graceMs };
  const window = rule.window(nowMs);
  let known = kept.get(rule);
  if (known === undefined || known.window !== window.name || known.byName.size > mostOwners) {
    known = { window: window.name, byName: new Map() };
    kept.set(rule, known);
  }
  let due = known.byName.get(name);
  if (due === undefined) {
    due = { rule, key: `${name}/${window.name}`, expiresAtMs: window.endMs + graceMs };
    known.byName.set(name, due);
  }
  return due;
}

export function chargeOf({ rule, key, expiresAtMs }: Due, nanoUsd: number): Charge {
  return { key, capNanoUsd: rule.hard ? rule.capNanoUsd : Number.POSITIVE_INFINITY, nanoUsd, expiresAtMs };
}

/** Warns once a window and share. */
export class BudgetAlerts {
  readonly #limits: Limits;
  readonly #tell: (alert: BudgetAlert) => void;
  readonly #told = new Map<string, number>();

  constructor(limits: Limits, tell: (alert: BudgetAlert) => void) {
    this.#limits = limits;
    this.#tell = tell;
  }

  check(due: readonly Due[]): void {
    for (const { rule, key } of due) {
      if (rule.alertShares.length === 0) continue;
      const { usedNanoUsd } = this.#limits.budget(key);
      const told = this.#told.get(key) ?? 0;
      const passed = rule.alertShares.filter((share) => usedNanoUsd >= share * rule.capNanoUsd).length;
      if (passed <= told) continue;
      const oldest = this.#told.size >= mostAlerts ? this.#told.keys().next().value : undefined;
      if (oldest !== undefined) this.#told.delete(oldest);
      this.#told.set(key, passed);
      const share = rule.alertShares[passed - 1] ?? 1;
      this.#tell({ budget: key, share, usedNanoUsd, capNanoUsd: rule.capNanoUsd, hard: rule.hard });
    }
  }
}

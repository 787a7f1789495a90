/** Keys as people and programs read them. Never with the hash: who has it can look for the key elsewhere. */
import type { KeyBudgets, KeyLimits, KeyRecord } from '../stores/contract.ts';
import { thousands } from './amounts.ts';
import { table } from './table.ts';

export type KeyState = 'live' | 'expired' | 'revoked';

export function stateOf(key: KeyRecord, nowMs: number): KeyState {
  if (key.revokedAtMs !== undefined) return 'revoked';
  return key.expiresAtMs !== undefined && key.expiresAtMs <= nowMs ? 'expired' : 'live';
}

export function keysTable(keys: readonly KeyRecord[], nowMs: number): string {
  return table(
    ['name', 'id', 'state', 'team', 'may use', 'limits', 'budgets', 'made', 'expires'],
    keys.map((key) => [
      key.name,
      key.id,
      stateOf(key, nowMs),
      key.team ?? '-',
      key.admin ? 'admin' : (key.routes?.join(', ') ?? 'all routes'),
      orDash(limitsText(key.limits)),
      orDash(budgetsText(key.budgets)),
      day(key.createdAtMs),
      key.expiresAtMs === undefined ? '-' : day(key.expiresAtMs),
    ]),
  );
}

export function keyJson(key: KeyRecord, nowMs: number): object {
  return {
    id: key.id,
    name: key.name,
    state: stateOf(key, nowMs),
    team: key.team ?? null,
    admin: key.admin,
    routes: key.routes ?? null,
    limits: {
      requests_per_minute: key.limits.requestsPerMinute ?? null,
      requests_per_day: key.limits.requestsPerDay ?? null,
      input_tokens_per_minute: key.limits.inputTokensPerMinute ?? null,
      output_tokens_per_minute: key.limits.outputTokensPerMinute ?? null,
      concurrent: key.limits.concurrent ?? null,
    },
    budgets: {
      daily_usd: usd(key.budgets.dailyNanoUsd),
      weekly_usd: usd(key.budgets.weeklyNanoUsd),
      monthly_usd: usd(key.budgets.monthlyNanoUsd),
    },
    created_at: new Date(key.createdAtMs).toISOString(),
    expires_at: moment(key.expiresAtMs),
    revoked_at: moment(key.revokedAtMs),
  };
}

function limitsText(limits: KeyLimits): string {
  const words: [number | undefined, string][] = [
    [limits.requestsPerMinute, 'req/min'],
    [limits.requestsPerDay, 'req/day'],
    [limits.inputTokensPerMinute, 'in tok/min'],
    [limits.outputTokensPerMinute, 'out tok/min'],
    [limits.concurrent, 'at once'],
  ];
  return words
    .flatMap(([limit, what]) => (limit === undefined ? [] : [`${thousands(limit)} ${what}`]))
    .join(', ');
}

function budgetsText(budgets: KeyBudgets): string {
  const words: [number | undefined, string][] = [
    [budgets.dailyNanoUsd, 'day'],
    [budgets.weeklyNanoUsd, 'week'],
    [budgets.monthlyNanoUsd, 'month'],
  ];
  return words
    .flatMap(([nanoUsd, what]) => (nanoUsd === undefined ? [] : [`$${thousands(nanoUsd / 1e9)}/${what}`]))
    .join(', ');
}

function orDash(text: string): string {
  return text === '' ? '-' : text;
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function moment(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}

function usd(nanoUsd: number | undefined): number | null {
  return nanoUsd === undefined ? null : nanoUsd / 1e9;
}

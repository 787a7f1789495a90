/** An attempt as the ledger keeps it. */
import type { Usage } from '../core/usage.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import type { Target } from './chain/contract.ts';
import type { Call, Route, Spent } from './contract.ts';

export interface EndedAttempt {
  readonly id: string;
  readonly outcome: LedgerEntry['outcome'];
  readonly code?: string | undefined;
  readonly usage?: Usage | undefined;
  readonly spent: Spent;
  readonly durationMs: number;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function entryOf(
  call: Call,
  route: Route,
  target: Target,
  { id, outcome, code, usage, spent, durationMs }: EndedAttempt,
  atMs: number,
): LedgerEntry {
  const { caller } = call;
  // Filled member by member: gathering those that are present from a list costs more than the rest of the entry.
  const entry: Mutable<LedgerEntry> = {
    id,
    requestId: call.id,
    atMs,
    route: route.name,
    provider: target.provider,
    model: target.model.id,
    mode: target.mode,
    outcome,
    stream: call.facts.stream,
    tags: call.tags,
    costNanoUsd: spent.costNanoUsd,
    listNanoUsd: spent.listNanoUsd,
    exact: spent.exact,
    durationMs,
    roughInputTokens: call.facts.inputTokens,
  };
  if (caller !== undefined) {
    entry.key = caller.key;
    if (caller.team !== undefined) entry.team = caller.team;
  }
  if (code !== undefined) entry.code = code;
  if (usage !== undefined) {
    if (usage.inputTokens !== undefined) entry.inputTokens = usage.inputTokens;
    if (usage.cacheReadTokens !== undefined) entry.cacheReadTokens = usage.cacheReadTokens;
    if (usage.cacheWriteTokens !== undefined) entry.cacheWriteTokens = usage.cacheWriteTokens;
    if (usage.outputTokens !== undefined) entry.outputTokens = usage.outputTokens;
    if (usage.reasoningTokens !== undefined) entry.reasoningTokens = usage.reasoningTokens;
  }
  return entry;
}

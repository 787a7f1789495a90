/**
 * Sums of the ledger for people and for programs: as JSON and as CSV the same columns by the same names. Pure, so that the
 * command line and the admin endpoint say the same.
 */
import type { SpendGroup, SpendRow } from './contract.ts';

export interface SpendAmounts {
  readonly attempts: number;
  readonly input_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly paid_usd: number;
  /** What the same tokens cost by a sync call at list price. */
  readonly list_usd: number;
  readonly saved_usd: number;
  /** Of the list price; null where that is nothing. */
  readonly saved_percent: number | null;
  /** The part of what was paid that is our estimate. */
  readonly estimated_usd: number;
}

/** The groups by their names, in order, then the amounts. */
export type SpendRecord = SpendAmounts & { readonly [group in SpendGroup]?: string | null };

export function spendRecords(
  groups: readonly SpendGroup[],
  rows: readonly SpendRow[],
): readonly SpendRecord[] {
  return rows.map((row) => ({
    ...Object.fromEntries(groups.map((group, index) => [group, row.group[index] ?? null])),
    ...amounts(row),
  }));
}

/** RFC 4180: a head, lines that end in CRLF, cells quoted where they must be. */
export function spendCsv(groups: readonly SpendGroup[], rows: readonly SpendRow[]): string {
  const lines = rows.map((row) => [
    ...groups.map((_, index) => textCell(row.group[index] ?? '')),
    ...Object.values(amounts(row)).map(numberCell),
  ]);
  return [[...groups, ...amountNames], ...lines].map((cells) => `${cells.join(',')}\r\n`).join('');
}

/** Saved of the list price in percent, to a tenth. */
export function savedPercent({ costNanoUsd, listNanoUsd }: SpendRow): number | null {
  return listNanoUsd === 0 ? null : Math.round(((listNanoUsd - costNanoUsd) / listNanoUsd) * 1000) / 10;
}

function amounts(row: SpendRow): SpendAmounts {
  return {
    attempts: row.attempts,
    input_tokens: row.inputTokens,
    cache_read_tokens: row.cacheReadTokens,
    cache_write_tokens: row.cacheWriteTokens,
    output_tokens: row.outputTokens,
    reasoning_tokens: row.reasoningTokens,
    paid_usd: row.costNanoUsd / 1e9,
    list_usd: row.listNanoUsd / 1e9,
    saved_usd: (row.listNanoUsd - row.costNanoUsd) / 1e9,
    saved_percent: savedPercent(row),
    estimated_usd: row.estimatedNanoUsd / 1e9,
  };
}

const nothing: SpendRow = {
  group: [],
  attempts: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  costNanoUsd: 0,
  listNanoUsd: 0,
  estimatedNanoUsd: 0,
};
const amountNames = Object.keys(amounts(nothing));

/**
 * A cell that begins like a formula is one to a spreadsheet, and a caller chooses what model to name: the apostrophe makes
 * it text again.
 */
function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Never 1e-9, which spreadsheets round or refuse. */
function numberCell(value: number | null): string {
  if (value === null) return '';
  return Number.isInteger(value) ? value.toFixed(0) : value.toFixed(9).replace(/\.?0+$/, '');
}

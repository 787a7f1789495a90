/** An entry of the ledger as a row, and back. */
import { z } from 'zod';
import type { LedgerEntry } from './contract.ts';
import type { LedgerTable } from './database.ts';

/** Of the table, in the order of `pushValues`. */
export const ledgerColumns = [
  'id',
  'request_id',
  'at_ms',
  'key_name',
  'team',
  'route',
  'provider',
  'model',
  'mode',
  'outcome',
  'code',
  'stream',
  'tags',
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nano_usd',
  'list_nano_usd',
  'exact',
  'duration_ms',
  'items',
  'rough_input_tokens',
] as const satisfies readonly (keyof LedgerTable)[];

type Value = string | number | null;

/** Pushes rather than returns: a list for each row would double what an append costs. */
export function pushValues(entry: LedgerEntry, values: Value[]): void {
  values.push(
    entry.id,
    storable(entry.requestId),
    entry.atMs,
    entry.key === undefined ? null : storable(entry.key),
    entry.team === undefined ? null : storable(entry.team),
    storable(entry.route),
    storable(entry.provider),
    storable(entry.model),
    entry.mode,
    entry.outcome,
    entry.code ?? null,
    entry.stream ? 1 : 0,
    entry.tags.length === 0 ? null : JSON.stringify(entry.tags.map(storable)),
    entry.inputTokens ?? null,
    entry.cacheReadTokens ?? null,
    entry.cacheWriteTokens ?? null,
    entry.outputTokens ?? null,
    entry.reasoningTokens ?? null,
    entry.costNanoUsd,
    entry.listNanoUsd,
    entry.exact ? 1 : 0,
    entry.durationMs,
    entry.items ?? null,
    entry.roughInputTokens ?? null,
  );
}

/**
 * Text that every store takes. Postgres refuses the character NUL and half of a surrogate pair, and with them the whole
 * batch; a caller's tag must not be able to do that.
 */
export function storable(text: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text;
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

const tagsSchema = z.array(z.string());

export function readRow(row: LedgerTable): LedgerEntry {
  return {
    id: row.id,
    requestId: row.request_id,
    atMs: row.at_ms,
    ...(row.key_name === null ? {} : { key: row.key_name }),
    ...(row.team === null ? {} : { team: row.team }),
    route: row.route,
    provider: row.provider,
    model: row.model,
    mode: row.mode,
    outcome: row.outcome,
    ...(row.code === null ? {} : { code: row.code }),
    stream: row.stream === 1,
    tags: row.tags === null ? [] : tagsSchema.parse(JSON.parse(row.tags)),
    ...(row.input_tokens === null ? {} : { inputTokens: row.input_tokens }),
    ...(row.cache_read_tokens === null ? {} : { cacheReadTokens: row.cache_read_tokens }),
    ...(row.cache_write_tokens === null ? {} : { cacheWriteTokens: row.cache_write_tokens }),
    ...(row.output_tokens === null ? {} : { outputTokens: row.output_tokens }),
    ...(row.reasoning_tokens === null ? {} : { reasoningTokens: row.reasoning_tokens }),
    costNanoUsd: row.cost_nano_usd,
    listNanoUsd: row.list_nano_usd,
    exact: row.exact === 1,
    durationMs: row.duration_ms,
    ...(row.items === null ? {} : { items: row.items }),
    ...(row.rough_input_tokens === null ? {} : { roughInputTokens: row.rough_input_tokens }),
  };
}

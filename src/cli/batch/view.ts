/** A batch as the gateway tells it, read leniently, and as a person reads it. */
import { asArray, asNumber, asObject, asString } from '../../core/json.ts';
import { dollars, thousands } from '../amounts.ts';
import { table } from '../table.ts';

export interface BatchView {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly outputFile: string | undefined;
  readonly errorFile: string | undefined;
  readonly createdAtMs: number | undefined;
  readonly deadlineAtMs: number | undefined;
  readonly costUsd: number | undefined;
  readonly savedUsd: number | undefined;
  readonly estimateUsd: number | undefined;
  /** Items that took no call of their own, and mended answers: by name. */
  readonly spared: readonly (readonly [string, number])[];
  /** What is wrong with its input, a line each. */
  readonly problems: readonly string[];
  /** All that the gateway said, for `--json`. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export const finalStatuses: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'expired']);

const spared = ['twins', 'reused', 'prefiltered', 'repaired'];

export function readBatch(raw: Readonly<Record<string, unknown>>): BatchView {
  const counts = asObject(raw['request_counts']);
  const extra = asObject(raw['intermodal']);
  return {
    id: asString(raw['id']) ?? '',
    status: asString(raw['status']) ?? 'unknown',
    total: asNumber(counts['total']) ?? 0,
    done: asNumber(counts['completed']) ?? 0,
    failed: asNumber(counts['failed']) ?? 0,
    outputFile: asString(raw['output_file_id']),
    errorFile: asString(raw['error_file_id']),
    createdAtMs: moment(raw['created_at']),
    deadlineAtMs: moment(extra['deadline_at']) ?? moment(raw['expires_at']),
    costUsd: asNumber(extra['cost_usd']),
    savedUsd: asNumber(extra['saved_usd']),
    estimateUsd: asNumber(extra['estimate_usd']),
    spared: spared.flatMap((name) => {
      const count = asNumber(extra[name]) ?? 0;
      return count > 0 ? [[name, count] as const] : [];
    }),
    problems: asArray(asObject(raw['errors'])['data']).map((one) => {
      const { line, message } = asObject(one);
      const where = asNumber(line) === undefined ? '' : `line ${String(line)}: `;
      return `${where}${asString(message) ?? 'unreadable'}`;
    }),
    raw,
  };
}

/** Seconds since 1970, or a date in words. */
function moment(value: unknown): number | undefined {
  const atMs = typeof value === 'string' ? Date.parse(value) : (asNumber(value) ?? Number.NaN) * 1000;
  return Number.isNaN(atMs) ? undefined : atMs;
}

export const usd = (amount: number): string => dollars(amount * 1e9);

/** `3h12m`, `45s`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours > 0) return `${hours}h${minutes > 0 ? `${minutes}m` : ''}`;
  return minutes > 0 ? `${minutes}m` : `${seconds}s`;
}

/** In a line, for those who watch it go by. */
export function summary(batch: BatchView, nowMs: number): string {
  const parts = [
    `${batch.status}: ${thousands(batch.done)} of ${thousands(batch.total)} done`,
    ...(batch.failed > 0 ? [`${thousands(batch.failed)} failed`] : []),
    ...(batch.costUsd === undefined ? [] : [`cost ${usd(batch.costUsd)}`]),
    ...(batch.savedUsd === undefined ? [] : [`saved ${usd(batch.savedUsd)}`]),
    ...(finalStatuses.has(batch.status) || batch.deadlineAtMs === undefined
      ? []
      : [`${span(batch.deadlineAtMs - nowMs)} left`]),
  ];
  return parts.join(', ');
}

export function details(batch: BatchView, nowMs: number): string {
  const rows: (readonly [string, string])[] = [
    ['batch', batch.id],
    ['status', batch.status],
    ['items', `${thousands(batch.total)}, ${thousands(batch.done)} done, ${thousands(batch.failed)} failed`],
  ];
  if (batch.estimateUsd !== undefined) rows.push(['estimate', usd(batch.estimateUsd)]);
  if (batch.costUsd !== undefined) rows.push(['cost', usd(batch.costUsd)]);
  if (batch.savedUsd !== undefined) rows.push(['saved', usd(batch.savedUsd)]);
  for (const [name, count] of batch.spared) rows.push([name, thousands(count)]);
  if (batch.deadlineAtMs !== undefined && !finalStatuses.has(batch.status))
    rows.push(['time left', span(batch.deadlineAtMs - nowMs)]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...batch.problems.slice(0, 20),
    ...(batch.problems.length > 20 ? [`and ${batch.problems.length - 20} more`] : []),
  ].join('\n');
}

export function batchesTable(batches: readonly BatchView[]): string {
  const head = ['batch', 'status', 'items', 'done', 'failed', 'cost', 'created'];
  const rows = batches.map((batch) => [
    batch.id,
    batch.status,
    thousands(batch.total),
    thousands(batch.done),
    thousands(batch.failed),
    batch.costUsd === undefined ? '-' : usd(batch.costUsd),
    batch.createdAtMs === undefined ? '-' : new Date(batch.createdAtMs).toISOString().slice(0, 19),
  ]);
  return table(head, rows, new Set(['items', 'done', 'failed', 'cost']));
}

/** What may be done next, for people. */
export function advice(batch: BatchView): string | undefined {
  const { id, status } = batch;
  if (!finalStatuses.has(status))
    return `It goes on by itself. Follow it: intermodal batch status ${id} --wait\nStop it: intermodal batch cancel ${id}`;
  const lines = [
    ...(batch.outputFile === undefined
      ? []
      : [`Its results: intermodal batch results ${id} --output results.jsonl`]),
    ...(batch.errorFile === undefined
      ? []
      : [`What failed, and why: intermodal batch results ${id} --errors errors.jsonl`]),
    ...(batch.failed > 0 && status !== 'failed'
      ? [
          `After which attempts: intermodal batch dead-letters ${id}`,
          `Try what failed again: intermodal batch retry-dead ${id}`,
        ]
      : []),
  ];
  return lines.length === 0 ? undefined : lines.join('\n');
}

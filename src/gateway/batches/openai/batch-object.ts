/** A batch as OpenAI's API shows it. */
import type { Batch as OpenAiBatch } from 'openai/resources/batches';
import type { Batch, BatchState } from '../../../batch/contract.ts';
import { decimalDollars } from '../../../core/price.ts';
import { writeDuration } from '../terms.ts';

/** The SDK's types leave out what the wire has as null. */
export type OnWire<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? Exclude<T[K], undefined> | null : T[K];
};

const statuses: Readonly<Record<BatchState, OpenAiBatch['status']>> = {
  assembling: 'validating',
  running: 'in_progress',
  finishing: 'finalizing',
  cancelling: 'cancelling',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'expired',
};

export function encodeBatch(batch: Batch): object {
  const { state, counts } = batch;
  // What is cancelled stays so to its end, also while its results are written.
  const cancelling = state === 'finishing' && batch.cancellingAtMs !== undefined;
  const ended = (wanted: BatchState): number | null =>
    state === wanted ? secondsOrNull(batch.endedAtMs) : null;
  const shown = {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    model: batch.model ?? null,
    errors: encodeProblems(batch),
    // Null where the requests came inline.
    input_file_id: batch.inputFileId ?? null,
    completion_window: writeDuration(batch.windowMs),
    status: cancelling ? 'cancelling' : statuses[state],
    output_file_id: batch.outputs['output'] ?? null,
    error_file_id: batch.outputs['error'] ?? null,
    created_at: seconds(batch.createdAtMs),
    in_progress_at: secondsOrNull(batch.runningAtMs),
    expires_at: seconds(batch.deadlineAtMs),
    finalizing_at: secondsOrNull(batch.finishingAtMs),
    completed_at: ended('completed'),
    failed_at: ended('failed'),
    expired_at: ended('expired'),
    cancelling_at: secondsOrNull(batch.cancellingAtMs),
    cancelled_at: ended('cancelled'),
    request_counts: {
      total: counts.total,
      completed: counts.done,
      failed: counts.failed + counts.expired,
    },
    usage: {
      input_tokens: batch.inputTokens,
      input_tokens_details: { cached_tokens: batch.cacheReadTokens },
      output_tokens: batch.outputTokens,
      output_tokens_details: { reasoning_tokens: batch.reasoningTokens },
      total_tokens: batch.inputTokens + batch.outputTokens,
    },
    metadata: Object.keys(batch.metadata).length === 0 ? null : { ...batch.metadata },
  } satisfies Omit<OnWire<OpenAiBatch>, 'input_file_id'> & { input_file_id: string | null };
  return { ...shown, intermodal: encodeOwn(batch) };
}

/** What the SDK knows nothing of. */
function encodeOwn(batch: Batch): object {
  const { total, done, failed, cancelled, expired } = batch.counts;
  return {
    priority: batch.priority,
    tags: batch.tags,
    deadline_at: seconds(batch.deadlineAtMs),
    estimate_usd: Number(decimalDollars(batch.estimateNanoUsd)),
    cost_usd: Number(decimalDollars(batch.costNanoUsd)),
    list_cost_usd: Number(decimalDollars(batch.listNanoUsd)),
    saved_usd: (batch.listNanoUsd - batch.costNanoUsd) / 1e9,
    open: total - done - failed - cancelled - expired,
    twins: batch.twins,
    reused: batch.reused,
    prefiltered: batch.prefiltered,
    repaired: batch.repaired,
    cancelled,
    expired,
  };
}

function encodeProblems({ problems }: Batch): OnWire<OpenAiBatch>['errors'] {
  if (problems.length === 0) return null;
  return {
    object: 'list',
    data: problems.map(({ code, message, line, param }) => ({
      // What has no field to name is the line itself.
      code:
        code === 'invalid_request' && param === undefined && line !== undefined ? 'invalid_json_line' : code,
      message,
      param: param ?? null,
      line: line ?? null,
    })),
  };
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

export function secondsOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : seconds(ms);
}

/** A page as both of OpenAI's lists have it. */
export function encodePage<T extends { readonly id: string }>(
  rows: readonly T[],
  hasMore: boolean,
  encode: (row: T) => object,
): object {
  return {
    object: 'list',
    data: rows.map(encode),
    first_id: rows[0]?.id ?? null,
    last_id: rows.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

/** A batch as Anthropic's API shows it. */
import type { MessageBatch } from '@anthropic-ai/sdk/resources/messages/batches';
import type { Batch } from '../../../batch/contract.ts';

/** `origin`: scheme and host under which the caller reaches us; '' gives a path, which its SDK resolves by itself. */
export function encodeBatch(batch: Batch, origin: string, requests = batch.counts.total): MessageBatch {
  const { counts } = batch;
  const status = statusOf(batch);
  const ended = status === 'ended';
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: status,
    // All of them are processing until the last is not: so it is at Anthropic, and clients count on `succeeded` being final.
    request_counts: {
      processing: ended ? 0 : requests,
      succeeded: ended ? counts.done : 0,
      errored: ended ? counts.failed : 0,
      canceled: ended ? counts.cancelled : 0,
      expired: ended ? counts.expired : 0,
    },
    created_at: timestamp(batch.createdAtMs),
    expires_at: timestamp(batch.deadlineAtMs),
    ended_at: ended && batch.endedAtMs !== undefined ? timestamp(batch.endedAtMs) : null,
    cancel_initiated_at: batch.cancellingAtMs === undefined ? null : timestamp(batch.cancellingAtMs),
    archived_at: null,
    results_url: ended ? `${origin}/v1/messages/batches/${batch.id}/results` : null,
  };
}

export function statusOf({ state, cancellingAtMs }: Batch): MessageBatch['processing_status'] {
  switch (state) {
    case 'assembling':
    case 'running':
      return 'in_progress';
    case 'cancelling':
      return 'canceling';
    case 'finishing':
      return cancellingAtMs === undefined ? 'in_progress' : 'canceling';
    case 'completed':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return 'ended';
  }
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

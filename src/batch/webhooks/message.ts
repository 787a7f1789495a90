/** What a webhook is told, and how it is signed. */
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Delivery } from '../../stores/batch/contract.ts';
import type { Batch } from '../contract.ts';

/** Begins the ids of deliveries whose body is that of the jobs shape, and which have its signature too. */
const jobPrefix = 'job_';

/**
 * The message that a batch has ended; nothing where it has no webhook. One id for one end of one batch, so that it is added once however
 * often this is called; a batch that was run again has another end.
 *
 * `jobResults`: for the jobs shape, its results as JSON text.
 */
export function deliveryOf(batch: Batch, nowMs: number, jobResults?: string): Delivery | undefined {
  const { webhook } = batch;
  if (webhook === undefined) return undefined;
  const atMs = batch.endedAtMs ?? nowMs;
  const isJob = jobResults !== undefined;
  return {
    id: `${isJob ? jobPrefix : 'evt_'}${batch.id}_${atMs.toString(36)}`,
    batchNo: batch.no,
    url: webhook.url,
    body: isJob ? `{"batch_id":${JSON.stringify(batch.id)},"results":${jobResults}}` : messageOf(batch, atMs),
    tries: 0,
    dueAtMs: nowMs,
    createdAtMs: nowMs,
  };
}

function messageOf(batch: Batch, atMs: number): string {
  const { total, done, failed, cancelled, expired } = batch.counts;
  return JSON.stringify({
    type: `batch.${batch.state}`,
    timestamp: new Date(atMs).toISOString(),
    data: {
      batch_id: batch.id,
      status: batch.state,
      counts: { total, completed: done, failed, cancelled, expired },
      metadata: batch.webhook?.metadata ?? batch.metadata,
    },
  });
}

export interface Signing {
  /** `whsec_…`; absent: nothing is signed. */
  readonly secret: string | undefined;
  /** Header of the jobs shape's own signature: its key is the secret as it is written, `whsec_` and all. */
  readonly jobsSignatureHeader: string;
}

/** Of one try: the time is signed along, so that a message that was listened in on cannot be sent again later. */
export function headersOf(delivery: Delivery, nowMs: number, signing: Signing): Record<string, string> {
  const { id, body } = delivery;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': 'intermodal-webhooks',
    'webhook-id': id,
    'webhook-timestamp': `${Math.floor(nowMs / 1000)}`,
  };
  if (signing.secret === undefined) return headers;
  headers['webhook-signature'] = new Webhook(signing.secret).sign(id, new Date(nowMs), body);
  if (id.startsWith(jobPrefix))
    headers[signing.jobsSignatureHeader.toLowerCase()] = createHmac('sha256', signing.secret)
      .update(body)
      .digest('hex');
  return headers;
}

/** What the webhook of a request is told: that it has ended, and how. The answer itself is fetched, by whoever has the key. */
import type { Delivery } from '../stores/batch/contract.ts';
import type { QueueRows } from '../stores/queue/contract.ts';
import type { QueuedRequest } from './contract.ts';
import { statusOf } from './status.ts';

/** Rows that are read at once, bodies and all. */
const atOnce = 50;

/** One id for one request, which ends once. */
export function deliveryOf(request: QueuedRequest, nowMs: number): Delivery | undefined {
  const { id, webhook, answer, endedAtMs = nowMs } = request;
  if (webhook === undefined) return undefined;
  const status = statusOf(request.state);
  return {
    id: `evt_${id}`,
    url: webhook.url,
    body: JSON.stringify({
      type: `request.${status}`,
      timestamp: new Date(endedAtMs).toISOString(),
      data: {
        request_id: id,
        status,
        ...(answer === undefined ? {} : { status_code: answer.status }),
        ...(webhook.metadata === undefined ? {} : { metadata: webhook.metadata }),
      },
    }),
    tries: 0,
    dueAtMs: nowMs,
    createdAtMs: nowMs,
  };
}

/** Keeps a message for each that has ended since; it is sent as those of batches are. Returns how many. */
export async function announceEnded(rows: QueueRows, nowMs: number): Promise<number> {
  let told = 0;
  for (;;) {
    const ended = await rows.untold(atOnce);
    let progress = 0;
    for (const request of ended) {
      const delivery = deliveryOf(request, nowMs);
      if (delivery !== undefined && (await rows.tell(request.id, delivery))) progress += 1;
    }
    told += progress;
    // Where nothing could be told, another process is telling.
    if (ended.length < atOnce || progress === 0) return told;
  }
}

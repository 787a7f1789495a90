/** Tells a caller's webhook that its batch has ended: a row, which `webhooks` delivers. */
import type { Batch } from './contract.ts';
import type { BatchWorldInside } from './world.ts';

export async function announce(world: BatchWorldInside, batch: Batch): Promise<void> {
  if (batch.webhook === undefined) return;
  const nowMs = world.clock.now();
  await world.rows.deliveries.add({
    id: `msg_${batch.no}_${batch.state}_${batch.endedAtMs ?? nowMs}`,
    batchNo: batch.no,
    url: batch.webhook.url,
    body: '',
    tries: 0,
    dueAtMs: nowMs,
    createdAtMs: nowMs,
  });
}

/** What becomes of requests that may wait, as a user writes it: for the whole file, and over that for a route. */
import { z } from 'zod';
import type { WaitingPolicy } from '../../router/contract.ts';
import { count, duration, someTime } from '../units.ts';

const fields = {
  sync_under: someTime.describe('With less time than this, a request that may wait is called at once.'),
  queue_under: someTime.describe(
    'With less time than this it goes through the queue; with more, into batches.',
  ),
  flex: z.boolean().describe('Whether what waits is tried at the flex tier of its targets first.'),
  deadline: someTime.describe('Where the caller gives none.'),
  batch_items: count.describe('So many requests make a batch …'),
  batch_age: someTime.describe('… or so long after the first of them.'),
  least_items: count.describe('Fewer are not worth a batch; they go through the queue.'),
};

export const waiting = z
  .strictObject({
    sync_under: fields.sync_under.prefault('30s'),
    queue_under: fields.queue_under.prefault('1h'),
    flex: fields.flex.default(true),
    deadline: fields.deadline.prefault('24h'),
    batch_items: fields.batch_items.prefault('5k'),
    batch_age: fields.batch_age.prefault('10m'),
    least_items: fields.least_items.prefault(20),
    workers: count
      .prefault(32)
      .describe('Calls for requests of the queue that a process makes at once; limits hold besides.'),
    lanes: z
      .strictObject({
        normal: duration.prefault('1m').describe('Requests of normal priority.'),
        low: duration.prefault('10m').describe('Requests of low priority.'),
      })
      .prefault({})
      .describe(
        'For how long requests of high priority that come later still go first; of lower ones, for the difference. Nothing waits longer for them.',
      ),
  })
  .prefault({})
  .describe('Requests whose callers do not hold the line (Prefer: respond-async).');

export const routeWaiting = z
  .strictObject(fields)
  .partial()
  .optional()
  .describe('Over that of the whole file.');

type Waiting = z.output<typeof waiting>;

export function makeWaiting(all: Waiting, own: z.output<typeof routeWaiting> = {}): WaitingPolicy {
  return {
    syncUnderMs: own.sync_under ?? all.sync_under,
    queueUnderMs: own.queue_under ?? all.queue_under,
    flex: own.flex ?? all.flex,
    deadlineMs: own.deadline ?? all.deadline,
    batchItems: own.batch_items ?? all.batch_items,
    batchAgeMs: own.batch_age ?? all.batch_age,
    leastItems: own.least_items ?? all.least_items,
  };
}

/**
 * Messages to callers' webhooks when a batch has ended. The row is the truth: it is written with the batch's end, and `deliverDue` sends what
 * is due and writes what came of it. Whoever dies between sending and writing sends again, with the same id, by which receivers
 * know it. Tried for a day, at growing intervals; then it is given up, and polling is what its caller has left.
 */
import type { Clock, Random } from '../core/clock.ts';
import type { Delivery, DeliveryRows } from '../stores/batch/contract.ts';
import type { Log } from '../telemetry/log.ts';
import { headersOf, type Signing } from './webhooks/message.ts';
import { createSend, type Lookup, type Sent, sendMs } from './webhooks/send.ts';
import type { Step } from './world.ts';

export interface WebhookSettings extends Signing {
  readonly allowPrivate: boolean;
}

export interface WebhookWorld {
  readonly rows: DeliveryRows;
  readonly settings: WebhookSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Log, 'warn'>;
  /** Named places on the way of a message. */
  readonly at?: Step;
  /** The system's own, if left out. */
  readonly lookup?: Lookup;
}

export interface Webhooks {
  /** Sends what is due, some at once; returns how many were tried. More may be due where that is `mostAtOnce`. */
  deliverDue(): Promise<number>;
}

/** One slow receiver holds up this many others for 15 s at most. */
export const mostAtOnce = 16;
/** A claim outlives a try by enough for writing down what came of it. */
const leaseMs = sendMs + 45_000;
const giveUpMs = 24 * 3_600_000;
const firstWaitMs = 5_000;
const longestWaitMs = 3_600_000;
/** 5 s, 20 s, 80 s, 5 min, 21 min, then hourly: some 28 tries in a day. */
const growth = 4;

export function createWebhooks(world: WebhookWorld): Webhooks {
  const { rows, settings, clock, random, log, lookup, at = () => {} } = world;
  const send = createSend({
    clock,
    allowPrivate: settings.allowPrivate,
    ...(lookup === undefined ? {} : { lookup }),
  });

  async function deliver(delivery: Delivery): Promise<void> {
    const headers = headersOf(delivery, clock.now(), settings);
    await at('deliver: before the call');
    const sent = await send(delivery.url, headers, delivery.body);
    await at('deliver: after the call');
    const after = outcome(delivery, sent, clock.now(), random);
    await rows.record(after);
    await at('deliver: after the outcome');
    if (after.givenUpAtMs !== undefined) {
      const { id, tries, lastStatus, lastError } = after;
      log.warn({ delivery: id, tries, status: lastStatus, reason: lastError }, 'a webhook was given up');
    }
  }

  return {
    async deliverDue() {
      const due = await rows.claim(clock.now(), leaseMs, mostAtOnce);
      const done = await Promise.allSettled(due.map(deliver));
      // What could not be written is claimed again when its lease ends; the first reason is for the caller's log.
      const failed = done.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      return due.length;
    },
  };
}

/** The row after a try. */
export function outcome(delivery: Delivery, sent: Sent, nowMs: number, random: Random): Delivery {
  const tries = delivery.tries + 1;
  const { lastStatus: _status, lastError: _error, ...kept } = delivery;
  if (sent.kind === 'answered' && sent.status >= 200 && sent.status < 300)
    return { ...kept, tries, lastStatus: sent.status, deliveredAtMs: nowMs };
  const told =
    sent.kind === 'answered'
      ? { lastStatus: sent.status, lastError: `status_${sent.status}` }
      : { lastError: sent.reason };
  // 410: the receiver wants no more.
  const final = sent.kind === 'failed' ? sent.final : sent.status === 410;
  const dueAtMs = nowMs + waitMs(tries, random);
  if (final || dueAtMs > delivery.createdAtMs + giveUpMs)
    return { ...kept, ...told, tries, givenUpAtMs: nowMs };
  return { ...kept, ...told, tries, dueAtMs };
}

/** Between four fifths and six fifths of the interval, so that what failed together does not come back together. */
function waitMs(tries: number, random: Random): number {
  const interval = Math.min(longestWaitMs, firstWaitMs * growth ** (tries - 1));
  return Math.round(interval * (0.8 + 0.4 * random()));
}

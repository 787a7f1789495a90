/** Asks how a submission is doing, at the provider's own pace; tells of those that take long, and ends those that would come too late. */
import { asGatewayError } from '../core/errors.ts';
import type { BatchEndpoint, JobStatus } from '../providers/contract.ts';
import type { Batch } from './contract.ts';
import { isAtRisk, mostWaitMs } from './deadline.ts';
import { destinationOf } from './destination.ts';
import { isGone, isThere } from './gone.ts';
import { errorOf } from './item-error.ts';
import type { Held } from './steps.ts';
import { jobOf } from './submit.ts';
import type { BatchWorldInside } from './world.ts';

/** A hint is obeyed between these: less would be a flood, more would hide the end. */
const leastPollMs = 1_000;
const mostPollMs = 900_000;
/** How long after its window a provider that does not say so is still believed to be at work. */
const graceMs = 48 * 3_600_000;

export async function poll(world: BatchWorldInside, held: Held, batch: Batch): Promise<number | undefined> {
  const { submission } = held;
  const destination = destinationOf(world, submission);
  if (destination === undefined || submission.handle === undefined) {
    world.log.error(
      { submission: submission.id, target: submission.target },
      'a submission runs at a provider that is not configured any more; configure it, and it goes on',
    );
    return world.clock.now() + mostPollMs;
  }
  const { endpoint } = destination;
  try {
    const stopping = await stopIfDue(world, held, batch, endpoint);
    await world.at('poll: before the call');
    const status = await endpoint.poll(submission.handle, jobOf(submission));
    await world.at('poll: after the call');
    await isThere(held);
    return await settleStatus(world, held, batch, endpoint, status, stopping);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    if (error.code === 'internal') throw thrown;
    if (await isGone(held, error)) return await ended(held, { kind: 'ended', how: 'expired' }, world);
    world.log.warn(
      { submission: submission.id, target: submission.target, code: error.code },
      'a submission cannot be polled now',
    );
    return nextPollMs(world, held, batch, error.retryAfterMs);
  }
}

/** Cancelled with its batch, or since it would come too late; what it has finished stays. */
async function stopIfDue(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  endpoint: BatchEndpoint,
): Promise<boolean> {
  const { submission } = held;
  const stopping = submission.state === 'stopping';
  // Not polled since: the call may have failed, or a crash have come before it.
  if (stopping && submission.tries > 0) return true;
  const cancelled = batch.state === 'cancelling';
  if (!stopping) {
    if (!cancelled && !(await isAtRisk(world, batch))) return false;
    await world.at('stop: before the intent');
    await held.move('stopping', { tries: 0 });
    await world.at('stop: after the intent');
  }
  await endpoint.cancel(submission.handle ?? '', jobOf(submission));
  await world.at('stop: after the call');
  world.log.info(
    { submission: submission.id, target: submission.target, why: cancelled ? 'cancelled' : 'deadline' },
    'a submission is being stopped',
  );
  return true;
}

async function settleStatus(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  endpoint: BatchEndpoint,
  status: JobStatus,
  stopping: boolean,
): Promise<number | undefined> {
  const { submission } = held;
  const nowMs = world.clock.now();
  if (status.kind === 'ended') return ended(held, status, world);
  const runMs = nowMs - (submission.sentAtMs ?? nowMs);
  if (runMs > endpoint.limits.windowMs + graceMs)
    return ended(held, { kind: 'ended', how: 'expired' }, world);
  const { lateMs } = world.settings();
  // Told once: at the first poll past the mark, which is not more than the longest wait behind it.
  const longestWaitMs = Math.max(...world.settings().pollMs);
  if (runMs >= lateMs && runMs < lateMs + longestWaitMs) world.events.late(submission, runMs);
  await held.patch({ tries: submission.tries + 1 });
  return nextPollMs(world, held, batch, status.nextPollMs, stopping);
}

async function ended(
  held: Held,
  status: Extract<JobStatus, { kind: 'ended' }>,
  world: BatchWorldInside,
): Promise<number> {
  const nowMs = world.clock.now();
  await world.at('poll: before the outcome');
  await held.move('ended', {
    how: status.how,
    endedAtMs: nowMs,
    tries: 0,
    ...(status.error === undefined ? {} : { error: errorOf(status.error) }),
  });
  await world.at('poll: after the outcome');
  return nowMs;
}

function nextPollMs(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  hintMs: number | undefined,
  soon = false,
): number {
  const { pollMs } = world.settings();
  const tries = soon ? 0 : held.submission.tries;
  const own = pollMs[Math.min(tries, pollMs.length - 1)] ?? 60_000;
  const waitMs = hintMs === undefined ? own : Math.min(mostPollMs, Math.max(leastPollMs, hintMs));
  return world.clock.now() + Math.min(waitMs, mostWaitMs(batch));
}

/**
 * A submission whose intent is written and whose outcome is not: the process died, or the provider did not answer. It is looked for at the provider
 * before anything is sent again, more than once, since lists lag behind creates.
 */
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { unknowableEntry } from './books.ts';
import type { Batch, ItemError, Lane } from './contract.ts';
import { isAtRisk, mostWaitMs } from './deadline.ts';
import { destinationOf } from './destination.ts';
import { settleRefused } from './go-back.ts';
import type { Held } from './steps.ts';
import { jobOf, opened } from './submit.ts';
import type { BatchWorldInside } from './world.ts';

/** Looks that must all have found nothing before it is sent again. */
const looks = 2;
/** A provider that cannot even be asked. */
const troubleMs = 30_000;

export async function adopt(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
): Promise<number | undefined> {
  const { submission } = held;
  const destination = destinationOf(world, submission);
  if (destination === undefined) {
    world.log.error(
      { submission: submission.id, target: submission.target },
      'a submission may be at a provider that is not configured any more; configure it, and it is looked for',
    );
    return world.clock.now() + troubleMs * 10;
  }
  const { endpoint } = destination;
  try {
    await world.at('adopt: before the look');
    const found = await endpoint.find(jobOf(submission), (handle) => world.rows.submissions.knows(handle));
    await world.at('adopt: after the look');
    switch (found.kind) {
      case 'found':
        world.log.info(
          { submission: submission.id, target: submission.target },
          'a submission was found again',
        );
        return await opened(world, held, batch, found.handle);
      case 'unsure':
        return await wait(world, held, batch, lane, found.retryAfterMs, endpoint.limits.windowMs);
      case 'absent':
        return await again(world, held, batch, lane);
    }
  } catch (thrown) {
    const error = asGatewayError(thrown);
    // A defect of ours, or of a store, is no provider's trouble.
    if (error.code === 'internal') throw thrown;
    world.log.warn({ submission: submission.id, code: error.code }, 'a submission cannot be looked for now');
    const waitMs = Math.min(Math.max(troubleMs, error.retryAfterMs ?? 0), mostWaitMs(batch));
    return wait(world, held, batch, lane, waitMs, endpoint.limits.windowMs);
  }
}

/**
 * Some job at the provider may be it, and only time can tell. When there is no more time, its items go on without it, and the ledger says that
 * they may have been paid for.
 */
async function wait(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
  retryAfterMs: number,
  windowMs: number,
): Promise<number | undefined> {
  const { submission } = held;
  const nowMs = world.clock.now();
  const patient = nowMs - (submission.sentAtMs ?? nowMs) < windowMs;
  if (batch.state === 'running' && patient && !(await isAtRisk(world, batch)))
    return nowMs + Math.min(retryAfterMs, mostWaitMs(batch));
  await world.at('adopt: before the books');
  await world.ledger.append([unknowableEntry(batch, lane, submission, nowMs)]);
  await world.at('adopt: after the books');
  world.log.error(
    { submission: submission.id, target: submission.target, items: submission.items },
    'whether a provider has run a submission cannot be known; its items go on, and may be paid for twice',
  );
  const error = new GatewayError('upstream_truncated', 'Whether the provider has run it cannot be known.', {
    retry: 'other',
  });
  return settleRefused(world, held, lane, error);
}

async function again(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
): Promise<number | undefined> {
  const { tries, error } = held.submission;
  if (tries + 1 < looks) {
    await held.patch({ tries: tries + 1 });
    // From this look on, not from the intent: an upload of minutes may have been cut a moment ago.
    return world.clock.now() + Math.min(world.settings().lookAgainMs, mostWaitMs(batch));
  }
  world.log.info({ submission: held.submission.id }, 'a submission is surely not at its provider');
  // Where the provider failed at it, another may not; where we died, nothing speaks against it.
  return settleRefused(world, held, lane, error === undefined ? undefined : providerError(error));
}

/** An error as it was written down: what may be done about it is the table's word. */
export function providerError({ code, message }: ItemError): GatewayError {
  return new GatewayError(code, message);
}

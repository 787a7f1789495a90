/**
 * Sends a planned submission: writes its lines, sets aside room and money, writes the intent, sends, writes the outcome. Between intent and
 * outcome nobody knows whether the provider has it; `adopt.ts` finds out before anything is sent again.
 */
import { GatewayError } from '../core/errors.ts';
import type { BatchEndpoint, BatchJob, Submitted } from '../providers/contract.ts';
import { findRoute } from '../router/find-route.ts';
import { duesOf } from './budget-gate.ts';
import type { Batch, Lane, Submission } from './contract.ts';
import { isAtRisk, mostWaitMs } from './deadline.ts';
import { type Destination, destinationOf } from './destination.ts';
import { type Encoded, encode } from './encode.ts';
import { settleCannotCarry, settleNoRoom, settleRefused } from './go-back.ts';
import { errorOf } from './item-error.ts';
import { lossOf } from './lost.ts';
import { nextStep } from './plan.ts';
import type { NoRoom } from './room.ts';
import type { Held } from './steps.ts';
import type { BatchWorldInside } from './world.ts';

/** No room now: asked again after this, doubled each time. */
const roomWaitMs = 15_000;
const longestRoomWaitMs = 300_000;
/** How soon a submission that may have been lost is looked for the first time. */
const firstLookMs = 5_000;

/** Returns when it is due again; `undefined`: it is done with. */
export async function submit(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
  lost: AbortSignal,
): Promise<number | undefined> {
  const { submission } = held;
  const destination = destinationOf(world, submission);
  if (destination === undefined) return settleRefused(world, held, lane, noLongerConfigured(submission));
  const { target, endpoint } = destination;
  // What would be stopped at the first look is not begun: its items are asked by themselves, or end with the batch.
  const over = batch.state !== 'running' || lossOf(world, batch, lane) !== undefined;
  if (over || (await isAtRisk(world, batch))) return settleRefused(world, held, lane, undefined);
  const encoded = await encode(world, batch, lane, submission, target);
  try {
    await settleCannotCarry(world, held, lane, encoded.failed);
    if (encoded.items === 0) return settleRefused(world, held, lane, undefined);
    if (encoded.items < endpoint.limits.leastItems) return settleRefused(world, held, lane, tooFew(endpoint));
    const route = findRoute(world.policy(), lane.model);
    const nanoUsd = route.reserve === 'worst' ? encoded.worstNanoUsd : encoded.expectedNanoUsd;
    const taken = await world.room.take(
      submission,
      target,
      duesOf(world, batch, lane, submission.step),
      nanoUsd,
    );
    if (!taken.ok) return noRoom(world, held, batch, lane, taken);
    return await send(world, held, batch, lane, whileHeld(encoded, lost), destination, nanoUsd);
  } finally {
    await encoded.remove();
  }
}

/** Whoever has the claim now looks for the submission, and would send it again: an upload that is still under way must not become a job. */
export function whileHeld(encoded: Encoded, lost: AbortSignal): Encoded {
  return {
    ...encoded,
    async *lines() {
      const check = (): void => {
        if (lost.aborted) throw new Error('The claim of a submission was lost while it was being sent.');
      };
      for await (const handful of encoded.lines()) {
        check();
        yield handful;
      }
      check();
    },
  };
}

async function send(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
  encoded: Encoded,
  { target, endpoint }: Destination,
  nanoUsd: number,
): Promise<number | undefined> {
  const { submission } = held;
  const nowMs = world.clock.now();
  await world.at('submit: before the intent');
  const intended = await held.move('sending', {
    items: encoded.items,
    bytes: encoded.bytes,
    roughInputTokens: encoded.roughInputTokens,
    estimateNanoUsd: Math.round(nanoUsd),
    tries: 0,
    sentAtMs: nowMs,
  });
  await world.at('submit: after the intent');
  if (!intended) {
    world.room.giveBack(submission.id, 0);
    return undefined;
  }
  const submitted = await endpoint.submit(jobOf(held.submission), encoded.lines());
  await world.at('submit: after the call');
  const due = await settleSubmitted(world, held, batch, lane, submitted);
  world.log.info(
    { submission: submission.id, target: target.name, items: encoded.items, outcome: submitted.kind },
    'submission sent',
  );
  return due;
}

async function settleSubmitted(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
  submitted: Submitted,
): Promise<number | undefined> {
  switch (submitted.kind) {
    case 'accepted':
      return opened(world, held, batch, submitted.handle);
    case 'refused':
      return settleRefused(world, held, lane, submitted.error);
    case 'unknown':
      world.log.warn(
        { submission: held.submission.id, target: held.submission.target, code: submitted.error.code },
        'whether a provider has a submission is not known; it is looked for',
      );
      // Should it turn out not to be there, its items go on for this reason.
      await held.patch({ error: errorOf(submitted.error) });
      return world.clock.now() + Math.min(firstLookMs, mostWaitMs(batch), world.settings().lookAgainMs);
  }
}

/** The provider has it. */
export async function opened(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  handle: string,
): Promise<number> {
  const waitMs = Math.min(world.settings().pollMs[0] ?? 60_000, mostWaitMs(batch));
  const dueAtMs = world.clock.now() + waitMs;
  await world.at('submit: before the outcome');
  await held.move('open', { handle, tries: 0, dueAtMs });
  await world.at('submit: after the outcome');
  return dueAtMs;
}

export function jobOf({ id, items, bytes, sentAtMs, createdAtMs }: Submission): BatchJob {
  return { id, items, bytes, createdAtMs: sentAtMs ?? createdAtMs };
}

/** A place will come free; money may not. */
async function noRoom(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
  refused: NoRoom,
): Promise<number | undefined> {
  const { submission } = held;
  if (refused.kind === 'budget' && !refused.pending)
    return settleRefused(world, held, lane, overBudget(refused.key));
  const next = refused.kind === 'busy' ? nextStep(world, lane, submission.step) : undefined;
  if (next !== undefined) return settleNoRoom(world, held, lane, next);
  const tries = submission.tries + 1;
  const grownMs = roomWaitMs * 2 ** Math.min(tries - 1, 10);
  const waitMs = Math.min(longestRoomWaitMs, grownMs, mostWaitMs(batch));
  await held.patch({ tries });
  world.log.info(
    { submission: submission.id, waitsFor: refused.key, waitMs },
    'no room for a submission yet',
  );
  return world.clock.now() + waitMs;
}

function overBudget(key: string): GatewayError {
  return new GatewayError('over_budget', `Budget ${key.replace(/\/[^/]*$/, '')} has no money left for it.`);
}

function tooFew({ limits }: BatchEndpoint): GatewayError {
  return new GatewayError(
    'unsupported',
    `The provider takes no batch of fewer than ${limits.leastItems} items.`,
  );
}

function noLongerConfigured({ target }: Submission): GatewayError {
  return new GatewayError('no_candidate', `${target} is not configured any more, or has no batch API now.`, {
    retry: 'other',
  });
}

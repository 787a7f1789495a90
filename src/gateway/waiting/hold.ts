/** Holds a line for an answer that is kept anyway: until it is there, or the caller would rather come back. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import type { QueuedRequest } from '../../queue/contract.ts';
import { hasEnded } from './request-object.ts';

const firstLookMs = 50;
const longestLookMs = 1_000;
const growth = 1.5;

interface Held {
  readonly clock: Clock;
  readonly outgoing: ServerResponse;
  readonly look: () => Promise<QueuedRequest>;
}

/** As it is when the holding ends. */
export async function hold(
  { clock, outgoing, look }: Held,
  request: QueuedRequest,
  holdMs: number,
): Promise<QueuedRequest> {
  const untilMs = clock.now() + holdMs;
  let seen = request;
  for (let waitMs = firstLookMs; !hasEnded(seen); waitMs = Math.min(longestLookMs, waitMs * growth)) {
    const restMs = untilMs - clock.now();
    if (restMs <= 0 || outgoing.destroyed) return seen;
    await pause(clock, outgoing, Math.min(waitMs, restMs));
    seen = await look();
  }
  return seen;
}

/** Ends early where the caller hangs up. */
function pause(clock: Clock, outgoing: ServerResponse, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      outgoing.removeListener('close', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    outgoing.on('close', done);
  });
}

/** Gives back what a submission held, and lets those try again that were told that there is no room. */
import type { BatchWorldInside } from './world.ts';

/** Those beyond come at their own time. */
const mostWoken = 100;

/** `nanoUsd`: what it has really cost. */
export async function freeRoom(world: BatchWorldInside, id: string, nanoUsd: number): Promise<void> {
  world.room.giveBack(id, nanoUsd);
  const nowMs = world.clock.now();
  await world.rows.submissions.wakeWaiting(nowMs, mostWoken);
  world.wakeUps.at('room', nowMs);
}

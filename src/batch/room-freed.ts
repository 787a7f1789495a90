/** Gives back what a submission held, and lets those try again that were told that there is no room. */
import type { BatchWorldInside } from './world.ts';

/** `nanoUsd`: what it has really cost. */
export async function freeRoom(world: BatchWorldInside, id: string, nanoUsd: number): Promise<void> {
  world.room.giveBack(id, nanoUsd);
  for (const waiting of world.room.takeWaiting())
    await world.rows.submissions.wake(waiting, world.clock.now());
}

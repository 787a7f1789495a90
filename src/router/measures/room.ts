/** How much of a target's limits is free, by the fullest of them. What other processes take is known as of this one's last look. */
import type { Limits } from '../../limits/contract.ts';
import type { Target } from '../chain/contract.ts';
import type { Learning } from '../learning.ts';

/** In [0, 1]. A target without limits is free. */
export function roomOf(limits: Limits, learning: Learning, target: Target): number {
  const { meters, places } = learning.limitsOf(target);
  let room = 1;
  for (const { bucket } of meters) room = Math.min(room, limits.level(bucket) / bucket.burst);
  for (const { key, limit } of places) room = Math.min(room, 1 - limits.busy(key) / limit);
  return Math.max(0, room);
}

/** What deciding goes by, put together from its parts: the health of targets, and whatever else somebody keeps. */
import type { World } from './decide.ts';

export function createSight(health: Pick<World, 'view'>, parts: Partial<Omit<World, 'view'>> = {}): World {
  return { ...parts, view: (target) => health.view(target) };
}

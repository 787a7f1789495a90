/** What is left of the way of items in a lane, from a step on. */
import type { Lane } from './contract.ts';
import type { Ways } from './judge.ts';
import { nextStep } from './plan.ts';
import type { BatchWorldInside } from './world.ts';

export function waysOf(world: BatchWorldInside, lane: Lane, step: number): Ways {
  const policy = world.policy();
  return {
    next: nextStep(world, lane, step),
    direct: lane.chain.some((name) => {
      const target = policy.target(name);
      return target !== undefined && target.mode !== 'batch';
    }),
    nowMs: world.clock.now(),
    retryMs: world.settings().retryMs,
  };
}

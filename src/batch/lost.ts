/** Items that nobody can ask any more: the key that pays for them is gone, or the route that they name. They are dead letters, which say so. */
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { findRoute } from '../router/find-route.ts';
import { settleKept } from './cascade/spared.ts';
import type { Batch, Lane } from './contract.ts';
import { errorOf } from './item-error.ts';
import type { BatchWorldInside } from './world.ts';

export async function settleLost(
  world: BatchWorldInside,
  batch: Batch,
  lanes: readonly Lane[],
): Promise<void> {
  for (const lane of lanes) {
    const loss = lossOf(world, batch, lane);
    if (loss === undefined) continue;
    const from = { lane: lane.lane, states: ['waiting', 'alone'] as const };
    await settleKept(world, batch.no, from);
    await world.rows.items.settleAll(batch.no, from, {
      state: 'dead',
      attempted: false,
      error: errorOf(loss),
    });
  }
}

/** Why nothing of a lane may be sent. */
export function lossOf(world: BatchWorldInside, batch: Batch, lane: Lane): GatewayError | undefined {
  try {
    const route = findRoute(world.policy(), lane.model);
    const payer = world.payer(batch.owner);
    if (payer === undefined || payer.mayUse(route.name, lane.model)) return undefined;
    return new GatewayError('forbidden', `The key may not use "${lane.model.slice(0, 200)}" any more.`);
  } catch (thrown) {
    return asGatewayError(thrown);
  }
}

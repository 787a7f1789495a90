/**
 * The caller's question, asked of a chain after the caller has its answer: whole, at low priority under every limit and budget, tagged `audit` in the
 * ledger. It takes nothing of the caller's own rate limits.
 */
import type { GatewayWorld } from '../world.ts';
import { ask, type Question, type Reply } from './ask.ts';
import { Leash } from './leash.ts';
import { type ChatCall, wholeCall } from './own-call.ts';
import type { CascadeWorld } from './world.ts';

export interface Aside extends Pick<Question, 'route' | 'policy' | 'steps'> {
  readonly call: ChatCall;
}

const noLimits = { meters: [], places: [] };

export async function askAside(
  world: GatewayWorld,
  { audits }: Pick<CascadeWorld, 'audits'>,
  { call, route, policy, steps }: Aside,
): Promise<Reply> {
  const { caller } = call;
  const sink = new Leash((callback) => audits.onClose(callback));
  try {
    return await ask(world, {
      route,
      policy,
      steps,
      part: { name: 'audit', counted: true },
      sink,
      call: wholeCall(call, {
        tags: [...call.tags, 'audit'],
        priority: 'low',
        startedAtMs: world.clock.now(),
        budgetMs: route.budgetMs,
        ...(caller === undefined ? {} : { caller: { ...caller, limits: noLimits } }),
      }),
    });
  } finally {
    sink.release();
  }
}

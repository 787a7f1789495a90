/**
 * For routes whose canary has a gate on agreement: a share of what the canary answers is asked of the usual chain too, after the caller has its
 * answer, at low priority and tagged `audit` in the ledger. Whether both say the same is counted; the answers are not kept.
 */
import type { Answer } from '../core/answer.ts';
import { asGatewayError } from '../core/errors.ts';
import { sayTheSame } from '../router/cascade/agreement.ts';
import type { Policy, Route } from '../router/contract.ts';
import { askAside } from './cascade/aside.ts';
import type { ChatCall } from './cascade/own-call.ts';
import type { Ended } from './ended.ts';
import type { GatewayWorld } from './world.ts';

/** Of the canary's answers. Fewer would leave a small share without a verdict for hours; each costs as much as a request. */
const comparedShare = 0.2;

export interface Comparable {
  readonly call: ChatCall;
  readonly route: Route;
  readonly policy: Policy;
}

/** Drawn before anybody knows who answers, since the answer must be overheard. */
export function mayCompare({ random }: GatewayWorld, { canary }: Route): boolean {
  return canary?.gates.agreement !== undefined && random() < comparedShare;
}

/** Never throws, and takes no time of the caller's. */
export function offerComparison(
  world: GatewayWorld,
  asked: Comparable,
  ended: Pick<Ended, 'outcome' | 'tried' | 'decided'>,
  heard: () => Answer | undefined,
): void {
  const { call, route } = asked;
  const first = ended.decided?.first;
  const own = route.canary?.chain.flatMap(({ options }) => options.map(({ target }) => target.name)) ?? [];
  const server = ended.tried.at(-1)?.target ?? '';
  if (ended.outcome !== 'served' || first?.arm !== 'canary' || !own.includes(server)) return;
  world.cascades.audits.offer(call.bodyBytes, async () => {
    try {
      const answer = heard();
      if (answer === undefined) return;
      const steps = first.rule?.chain ?? route.chain;
      const { answer: usual } = await askAside(world, world.cascades, { ...asked, steps });
      const agreed = usual === undefined ? undefined : sayTheSame(answer, usual);
      if (agreed !== undefined) world.canaries.compared(route, agreed);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      world.log.warn(
        { requestId: call.id, code: error.code },
        'an answer of a canary could not be compared with the usual one',
      );
    }
  });
}

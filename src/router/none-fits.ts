/** What a caller is told where no target of a route could ever serve its request. */
import { GatewayError } from '../core/errors.ts';
import type { Route } from './contract.ts';
import type { Decision } from './decide.ts';

export function noneFits(route: Route, decision: Decision): GatewayError {
  const lacking = new Set(
    decision.passed.flatMap(({ reason }) => (reason.kind === 'lacks' ? [reason.capability] : [])),
  );
  const native = decision.passed.some(({ reason }) => reason.kind === 'other-protocol');
  const endpoint = decision.passed.every(({ reason }) => reason.kind === 'no-endpoint');
  const waits = decision.passed.length > 0 && decision.passed.every(({ reason }) => reason.kind === 'waits');
  const what = waits
    ? 'all its targets are batch APIs, which serve items of batches'
    : lacking.size > 0
      ? `no target of it has ${[...lacking].join(', ')}`
      : native
        ? 'it uses a feature that only one provider’s own protocol has, and no target of it speaks that protocol'
        : endpoint
          ? 'no target of it offers this operation'
          : 'no target of it fits';
  return new GatewayError(
    'unsupported',
    `Route "${route.name}" cannot serve this request: ${what}. Name another route or change the request.`,
  );
}

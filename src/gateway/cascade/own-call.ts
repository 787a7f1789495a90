/** Calls that the gateway makes for a caller's request without the caller seeing their answers. */
import type { ChatRequest } from '../../core/request.ts';
import type { Step } from '../../router/chain/contract.ts';
import type { Route } from '../../router/contract.ts';
import { type DecodableCall, translate } from '../call.ts';

export type ChatCall = DecodableCall<ChatRequest>;

/** The same terms with another request, which is always translated and never streamed. */
export function callFor(call: ChatCall, request: ChatRequest, changes: Partial<ChatCall> = {}): ChatCall {
  const facts = { ...call.facts, stream: false, ...changes.facts };
  return {
    ...call,
    ...changes,
    facts,
    request: () => request,
    prepare: (endpoint, strict) => ({
      ...translate(endpoint, request, strict),
      forwarded: { stream: facts.stream, streamUsage: true, headers: {} },
    }),
  };
}

/** The caller's request to somebody else, answered whole. As it came, where it came unstreamed. */
export function wholeCall(call: ChatCall, changes: Partial<ChatCall> = {}): ChatCall {
  if (!call.facts.stream) return { ...call, ...changes };
  return callFor(call, { ...call.request(), stream: false }, changes);
}

/** Without what its key may do at once: that place is taken by the call beside it. */
export function withoutPlaces(call: ChatCall): Partial<ChatCall> {
  const { caller } = call;
  if (caller === undefined) return {};
  return { caller: { ...caller, limits: { ...caller.limits, places: [] } } };
}

/** The route's terms with another chain. */
export function routeOver(route: Route, chain: readonly Step[]): Route {
  const { canary: _canary, cascade: _cascade, cache: _cache, ...terms } = route;
  return { ...terms, rules: [], chain };
}

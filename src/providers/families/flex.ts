/**
 * A sync endpoint's twin at a provider's flex tier: the same calls, asked for at the price of a batch, and refused where there is no
 * room just then. The limits of the model say nothing of that room, so a refusal is never read as a throttle: it moves on at once.
 */
import { GatewayError } from '../../core/errors.ts';
import type { ChatRequest } from '../../core/request.ts';
import type { ChatEndpoint } from '../contract.ts';

/** How the tier is asked for. */
export interface FlexAsk {
  /** In the neutral request, which the family's encoder writes in its own words; absent: headers alone ask. */
  readonly tier?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether a throttle may mean the tier alone: the provider tells a full tier and a spent limit apart by no word. */
  readonly throttleIsRefusal: boolean;
}

export function atFlex(endpoint: ChatEndpoint, ask: FlexAsk): ChatEndpoint {
  return {
    ...endpoint,
    encode(request) {
      const encoded = endpoint.encode(withTier(request, ask.tier));
      return ask.headers === undefined
        ? encoded
        : { ...encoded, headers: { ...encoded.headers, ...ask.headers } };
    },
    readError: (response) => readRefusal(endpoint.readError(response), ask),
  };
}

/** What tier the caller would like is answered by the target that was chosen. */
function withTier(request: ChatRequest, tier: string | undefined): ChatRequest {
  if (tier !== undefined) return { ...request, serviceTier: tier };
  const { serviceTier: _own, ...rest } = request;
  return rest;
}

function readRefusal(error: GatewayError, { throttleIsRefusal }: FlexAsk): GatewayError {
  if (error.code === 'rate_limited' && throttleIsRefusal) return as('upstream_overloaded', error);
  // The tier was our wish: a model that has none is not the caller's mistake, and its twin may well serve.
  if (error.code === 'invalid_request' && aboutTier(error)) return as('upstream_refused_shape', error);
  return error;
}

function aboutTier({ param, message }: GatewayError): boolean {
  return param === 'service_tier' || /\bservice[ _]?tier\b|\bflex\b/i.test(message);
}

function as(code: 'upstream_overloaded' | 'upstream_refused_shape', error: GatewayError): GatewayError {
  const { upstream, retryAfterMs } = error;
  return new GatewayError(code, error.message, {
    cause: error,
    ...(upstream === undefined ? {} : { upstream }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

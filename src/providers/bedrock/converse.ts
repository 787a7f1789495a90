/** Any model by Converse: one shape for all of them. */
import type { ServiceTierType } from '@aws-sdk/client-bedrock-runtime';
import type { ModelInfo } from '../../core/model.ts';
import type { ChatEndpoint } from '../contract.ts';
import { createConverseCodec } from '../families/converse/codec.ts';
import { atFlex } from '../families/flex.ts';
import { errorRows } from './errors.ts';
import type { Post } from './post.ts';

export function createConverseChat(model: ModelInfo, post: Post, now: () => number): ChatEndpoint {
  return {
    ...createConverseCodec(model, { errorRows, now }),
    request: (body, { stream, headers }) =>
      post(model, stream ? 'converse-stream' : 'converse', body, { stream, headers }),
  };
}

const flexTier = 'flex' satisfies ServiceTierType;

/**
 * `serviceTier: {type: "flex"}`. The tiers share the model's quota, and a flex call that finds no room is throttled in the words of any other
 * (docs.aws.amazon.com, userguide, service-tiers-inference and capacity-limits-cost-optimization, November 2026).
 */
export function createFlexChat(model: ModelInfo, post: Post, now: () => number): ChatEndpoint {
  return atFlex(createConverseChat(model, post, now), { tier: flexTier, throttleIsRefusal: true });
}

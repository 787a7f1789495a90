/**
 * Chat Completions at the flex tier: `service_tier: "flex"` in every body, also in one that is passed on. A full tier answers
 * 429 `resource_unavailable`, which is not billed; a throttle in other words is the model's own limit, which the tier shares
 * (developers.openai.com/api/docs/guides/flex-processing, November 2026).
 */
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import type { ChatEndpoint, ForwardEdits } from '../../contract.ts';
import { atFlex } from '../flex.ts';

const tier = 'flex' satisfies ChatCompletionCreateParams['service_tier'];
const tierJson = JSON.stringify(tier);

export function flexChat(endpoint: ChatEndpoint): ChatEndpoint {
  const { forward } = endpoint;
  return {
    ...atFlex(endpoint, { tier, throttleIsRefusal: false }),
    ...(forward === undefined
      ? {}
      : {
          forward(call) {
            const edits = forward(call);
            return edits && setTier(edits);
          },
        }),
  };
}

function setTier(edits: ForwardEdits): ForwardEdits {
  const set = { ...edits.set, service_tier: tierJson };
  if (edits.remove === undefined) return { ...edits, set };
  return { ...edits, set, remove: edits.remove.filter((field) => field !== 'service_tier') };
}

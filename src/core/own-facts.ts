/** What routing must know of a chat that nobody has sent, since the gateway asks it by itself: it comes whole, and is measured by its neutral form. */
import { bytesPerToken } from './estimate.ts';
import type { Facts } from './facts.ts';
import type { ChatRequest } from './request.ts';

export function ownFacts(
  model: string,
  request: ChatRequest,
): { readonly bodyBytes: number; readonly facts: Facts } {
  const bodyBytes = Buffer.byteLength(JSON.stringify(request));
  const { maxOutputTokens } = request;
  return {
    bodyBytes,
    facts: {
      operation: 'chat',
      model,
      stream: false,
      inputTokens: Math.ceil(bodyBytes / bytesPerToken),
      ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
      needs: [],
      nativeOnly: false,
    },
  };
}

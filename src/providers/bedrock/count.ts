/** Counting a Claude request's tokens: Bedrock's CountTokens, over the very body that Invoke would get. */
import { GatewayError } from '../../core/errors.ts';
import { asNumber, asObject } from '../../core/json.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { CountEndpoint } from '../contract.ts';
import { readAwsError } from '../families/converse/errors.ts';
import { vendorOf } from '../families/converse/traits.ts';
import { createClaudeCodec, invokeErrorRows } from './invoke.ts';
import type { Post } from './post.ts';

/** `undefined` for models that are not Claude, or whose id does not say. */
export function createCount(model: ModelInfo, post: Post, now: () => number): CountEndpoint | undefined {
  if (vendorOf(model.id) !== 'anthropic') return undefined;
  const codec = createClaudeCodec(model);
  const counted = { ...model, id: foundationModel(model.id) };
  return {
    protocol: 'anthropic-count-tokens',
    model,
    carries: codec.carries,
    encode(request) {
      const { body, dropped } = codec.encode(request);
      return {
        body: { input: { invokeModel: { body: Buffer.from(JSON.stringify(body)).toString('base64') } } },
        dropped,
      };
    },
    request: (body, { headers }) => post(counted, 'count-tokens', body, { stream: false, headers }),
    readAnswer(body) {
      const inputTokens = asNumber(asObject(body)['inputTokens']);
      if (inputTokens === undefined)
        throw new GatewayError('upstream_malformed', 'The provider’s answer holds no token count.');
      return { inputTokens };
    },
    readError: (response) => readAwsError(invokeErrorRows, response, now()),
  };
}

/** Tokens are counted by the model itself; an inference profile, which only says where it runs, is refused. */
function foundationModel(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1).replace(/^[a-z-]+\.(?=anthropic\.)/, '');
}

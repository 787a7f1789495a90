/** OpenAI’s own API. */
import type { ModelInfo } from '../../core/model.ts';
import {
  type ChatEndpoint,
  defineProvider,
  type EmbeddingEndpoint,
  type FailedResponse,
  type WireRequest,
} from '../contract.ts';
import { splitBaseUrl } from '../families/base-url.ts';
import { createChatCodec } from '../families/openai-chat/codec.ts';
import { readChatError } from '../families/openai-chat/errors.ts';
import { flexChat } from '../families/openai-chat/flex.ts';
import { openAiTraits } from '../families/openai-chat/traits.ts';
import { createEmbeddingCodec } from '../families/openai-embeddings/codec.ts';
import { hasFlex } from '../families/openai-prices.ts';
import { secretFrom } from '../families/secret.ts';
import { createBatch } from './batch.ts';
import { errorRows } from './errors.ts';
import { readLimits } from './limits.ts';
import { createPrices } from './prices.ts';

import { type Settings, settings } from './settings.ts';

export const provider = defineProvider<Settings>({
  type: 'openai',
  settings,
  standIn: (address) => ({ api_key: 'simulated', base_url: `${address}/v1` }),
  create(name, configured, world) {
    const { origin, prefix } = splitBaseUrl(configured.base_url);
    const secret = secretFrom(name, configured.api_key, world.env, 'OPENAI_API_KEY', 'api_key');
    const account: Readonly<Record<string, string>> = {
      ...(configured.organization === undefined ? {} : { 'openai-organization': configured.organization }),
      ...(configured.project === undefined ? {} : { 'openai-project': configured.project }),
    };
    const options = { errorRows, now: world.clock.now };
    const readError = (response: FailedResponse) => readChatError(errorRows, response, world.clock.now());

    const post =
      (path: string) =>
      (
        body: string | Uint8Array,
        { headers }: { readonly headers: Readonly<Record<string, string>> },
      ): WireRequest => ({
        method: 'POST',
        origin,
        path: prefix + path,
        headers: {
          ...headers,
          ...account,
          authorization: `Bearer ${secret.read()}`,
          'content-type': 'application/json',
        },
        body,
      });

    const chat = (model: ModelInfo): ChatEndpoint => ({
      ...createChatCodec(model, { ...options, traits: openAiTraits }),
      request: post('/chat/completions'),
      readLimits,
    });

    return {
      name,
      type: 'openai',
      ...(secret.warning === undefined ? {} : { warning: secret.warning }),
      chat,
      flex: (model) => (hasFlex(model) ? flexChat(chat(model)) : undefined),
      embeddings: (model): EmbeddingEndpoint => ({
        ...createEmbeddingCodec(model, { readError, vectors: 'base64' }),
        request: post('/embeddings'),
        readLimits,
      }),
      batch: (_model, operation) =>
        createBatch(
          {
            baseUrl: origin + prefix,
            clock: world.clock,
            headers: () => ({ ...account, authorization: `Bearer ${secret.read()}` }),
          },
          operation,
        ),
      price: createPrices(world.clock.now),
    };
  },
});

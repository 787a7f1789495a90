/** Any server that speaks Chat Completions: Ollama, vLLM, Groq, Mistral, DeepSeek and the like. */
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
import { createEmbeddingCodec } from '../families/openai-embeddings/codec.ts';
import { errorRows } from './errors.ts';
import { limitReaderOf } from './limits.ts';
import { createPrices } from './prices.ts';

import { hasFlex, type Settings, settings, traitsOf } from './settings.ts';

export const provider = defineProvider<Settings>({
  type: 'openai-compatible',
  settings,
  standIn: (address) => ({ api_key: 'simulated', base_url: `${address}/v1`, headers: undefined }),
  create(name, configured, world) {
    const { origin, prefix } = splitBaseUrl(configured.base_url);
    const traits = traitsOf(configured);
    const readLimits = limitReaderOf(configured.flavor);
    const options = { errorRows, now: world.clock.now };
    const readError = (response: FailedResponse) => readChatError(errorRows, response, world.clock.now());
    const always: Record<string, string> = { 'content-type': 'application/json' };
    for (const [header, value] of Object.entries(configured.headers ?? {}))
      always[header.toLowerCase()] = value;
    if (configured.api_key !== undefined) always['authorization'] = `Bearer ${configured.api_key}`;

    const post =
      (path: string) =>
      (
        body: string | Uint8Array,
        { headers }: { readonly headers: Readonly<Record<string, string>> },
      ): WireRequest => ({
        method: 'POST',
        origin,
        path: prefix + path,
        headers: { ...headers, ...always },
        body,
      });

    const chat = (model: ModelInfo): ChatEndpoint => ({
      ...createChatCodec(model, { ...options, traits }),
      request: post('/chat/completions'),
    });

    return {
      name,
      type: 'openai-compatible',
      chat: (model) => ({ ...chat(model), readLimits }),
      // Its limits may be others than those of plain calls (ten times them at Groq), so nothing is learnt of either from the other.
      ...(hasFlex(configured) ? { flex: (model) => flexChat(chat(model)) } : {}),
      embeddings: (model): EmbeddingEndpoint => ({
        ...createEmbeddingCodec(model, { readError, vectors: 'any' }),
        request: post('/embeddings'),
        readLimits,
      }),
      price: createPrices(configured, world.clock.now),
    };
  },
});

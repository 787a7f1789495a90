/** Anthropic's own API. */

import { GatewayError } from '../../core/errors.ts';
import { asNumber, asObject } from '../../core/json.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { ChatRequest } from '../../core/request.ts';
import {
  type ChatEndpoint,
  type CountEndpoint,
  defineProvider,
  type Encoded,
  type FailedResponse,
  type WireRequest,
} from '../contract.ts';
import { createAnthropicCodec } from '../families/anthropic-messages/codec.ts';
import { anthropicErrorRows, readAnthropicError } from '../families/anthropic-messages/errors.ts';
import type { AnthropicVariant } from '../families/anthropic-messages/variant.ts';
import { splitBaseUrl } from '../families/base-url.ts';
import { readErrorTable } from '../families/error-table.ts';
import { secretFrom } from '../families/secret.ts';
import { createBatch } from './batch.ts';
import { createClientOpener } from './batch-client.ts';
import { errorRows } from './errors.ts';
import { createLimitReader } from './limits.ts';
import { createPrices } from './prices.ts';

import { type Settings, settings } from './settings.ts';

const variant: AnthropicVariant = { modelInBody: true, streamInBody: true, betas: 'header', urlMedia: true };
/** What `count_tokens` takes of a request; it refuses the rest. */
const countedFields = ['model', 'system', 'messages', 'tools', 'tool_choice', 'thinking', 'output_config'];

export const provider = defineProvider<Settings>({
  type: 'anthropic',
  settings,
  standIn: (address) => ({ api_key: 'simulated', auth_token: undefined, base_url: address }),
  create(name, configured, world) {
    const { origin, prefix } = splitBaseUrl(configured.base_url);
    const secret = secretFrom(name, configured.api_key, world.env, 'ANTHROPIC_API_KEY', 'api_key');
    const { auth_token: token } = configured;
    const authenticate = (): Readonly<Record<string, string>> =>
      token === undefined ? { 'x-api-key': secret.read() } : { authorization: `Bearer ${token}` };

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
          'anthropic-version': configured.version,
          ...headers,
          ...authenticate(),
          'content-type': 'application/json',
        },
        body,
      });

    const readLimits = createLimitReader(world.clock.now);
    const readError = (response: FailedResponse) =>
      readErrorTable([...errorRows, ...anthropicErrorRows], readAnthropicError(response, world.clock.now()));

    const batch = createBatch({
      open: createClientOpener({
        baseUrl: origin + prefix,
        version: configured.version,
        credentials: () => (token === undefined ? { apiKey: secret.read() } : { authToken: token }),
      }),
      readError,
      clock: world.clock,
    });

    return {
      name,
      type: 'anthropic',
      ...(token !== undefined || secret.warning === undefined ? {} : { warning: secret.warning }),
      chat: (model): ChatEndpoint => ({
        ...createAnthropicCodec(model, variant, errorRows),
        request: post('/v1/messages'),
        readError,
        readLimits,
      }),
      countTokens: (model): CountEndpoint => createCount(model, post('/v1/messages/count_tokens'), readError),
      batch: (_model, operation) => (operation === 'chat' ? batch : undefined),
      price: createPrices(world.clock.now),
    };
  },
});

function createCount(
  model: ModelInfo,
  request: CountEndpoint['request'],
  readError: CountEndpoint['readError'],
): CountEndpoint {
  const codec = createAnthropicCodec(model, variant);
  return {
    protocol: 'anthropic-count-tokens',
    model,
    carries: codec.carries,
    encode(chat: ChatRequest): Encoded {
      const { body, dropped } = codec.encode(chat);
      return {
        body: Object.fromEntries(Object.entries(body).filter(([field]) => countedFields.includes(field))),
        dropped,
      };
    },
    forward: codec.forward,
    request,
    readAnswer(body) {
      const inputTokens = asNumber(asObject(body)['input_tokens']);
      if (inputTokens === undefined)
        throw new GatewayError('upstream_malformed', 'The provider’s answer holds no token count.');
      return { inputTokens };
    },
    readError,
  };
}

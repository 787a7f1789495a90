/** Azure OpenAI: OpenAI's protocol under Azure's addresses and credentials; a model is a deployment. */
import { GatewayError } from '../../core/errors.ts';
import type { ModelInfo } from '../../core/model.ts';
import {
  type ChatEndpoint,
  defineProvider,
  type EmbeddingEndpoint,
  type FailedResponse,
  type WireRequest,
} from '../contract.ts';
import { type BaseUrl, splitBaseUrl } from '../families/base-url.ts';
import { createChatCodec } from '../families/openai-chat/codec.ts';
import { readChatError } from '../families/openai-chat/errors.ts';
import { flexChat } from '../families/openai-chat/flex.ts';
import { openAiTraits } from '../families/openai-chat/traits.ts';
import { createEmbeddingCodec } from '../families/openai-embeddings/codec.ts';
import { hasFlex } from '../families/openai-prices.ts';
import { secretFrom } from '../families/secret.ts';
import { createAuth } from './auth.ts';
import { createBatch } from './batch.ts';
import { errorRows } from './errors.ts';
import { readLimits } from './limits.ts';
import { createPrices } from './prices.ts';

import { type Settings, settings } from './settings.ts';

/** Portals show the resource's address with and without the path of the API behind it. */
function splitAddress(address: string): BaseUrl {
  const { origin, prefix } = splitBaseUrl(address);
  return { origin, prefix: prefix.replace(/\/openai(?:\/v1)?$/, '') };
}

export const provider = defineProvider<Settings>({
  type: 'azure',
  settings,
  standIn: (address) => ({
    api_key: 'simulated',
    endpoint: address,
    base_url: undefined,
    entra: undefined,
  }),
  create(name, configured, world) {
    const address = configured.endpoint ?? configured.base_url ?? world.env['AZURE_OPENAI_ENDPOINT'];
    const base = address === undefined || address === '' ? undefined : splitAddress(address);
    const secret = secretFrom(
      name,
      configured.api_key,
      world.env,
      'AZURE_OPENAI_API_KEY',
      'api_key (or entra)',
    );
    const authenticate = createAuth(configured, secret, world.clock);
    const warning =
      base === undefined
        ? `provider "${name}" has no address: set AZURE_OPENAI_ENDPOINT or endpoint`
        : configured.entra === undefined
          ? secret.warning
          : undefined;

    function post(model: ModelInfo, operation: string) {
      const deployment = encodeURIComponent(deploymentOf(model));
      const version = configured.api_version;
      const path =
        version === 'v1'
          ? `/openai/v1/${operation}`
          : `/openai/deployments/${deployment}/${operation}?api-version=${encodeURIComponent(version)}`;
      return (
        body: string | Uint8Array,
        { headers }: { readonly headers: Readonly<Record<string, string>> },
      ): WireRequest | Promise<WireRequest> => {
        if (base === undefined)
          throw new GatewayError('upstream_auth', `Provider "${name}" has no address here.`);
        const build = (auth: Readonly<Record<string, string>>): WireRequest => ({
          method: 'POST',
          origin: base.origin,
          path: base.prefix + path,
          headers: { ...headers, ...auth, 'content-type': 'application/json' },
          body,
        });
        const auth = authenticate();
        return auth instanceof Promise ? auth.then(build) : build(auth);
      };
    }

    const deploymentOf = (model: ModelInfo): string => configured.deployments?.[model.id] ?? model.id;
    const options = { errorRows, now: world.clock.now };
    const readError = (response: FailedResponse) => readChatError(errorRows, response, world.clock.now());

    const chat = (model: ModelInfo): ChatEndpoint => ({
      ...createChatCodec(model, { ...options, traits: openAiTraits, wireModel: deploymentOf(model) }),
      request: post(model, 'chat/completions'),
      readLimits,
    });

    return {
      name,
      type: 'azure',
      ...(warning === undefined ? {} : { warning }),
      chat,
      // Of Global Standard deployments alone, by learn.microsoft.com, how-to/flex-processing (November 2026); nothing here tells which it is.
      flex: (model) => (hasFlex(model) ? flexChat(chat(model)) : undefined),
      embeddings: (model): EmbeddingEndpoint => ({
        ...createEmbeddingCodec(model, { readError, vectors: 'base64', wireModel: deploymentOf(model) }),
        request: post(model, 'embeddings'),
        readLimits,
      }),
      ...(base === undefined
        ? {}
        : {
            batch: (model, operation) =>
              operation === 'embedding' && configured.batch?.embeddings !== true
                ? undefined
                : createBatch(
                    {
                      baseUrl: `${base.origin}${base.prefix}/openai/v1`,
                      clock: world.clock,
                      headers: authenticate,
                    },
                    operation,
                    {
                      deployment: configured.batch?.deployments?.[model.id],
                      barePaths: configured.batch?.bare_paths ?? false,
                    },
                  ),
          }),
      price: createPrices(world.clock.now),
    };
  },
});

/** Amazon Bedrock: Invoke for Claude, Converse for all other models, embeddings by Invoke. */

import { isObject } from '../../core/json.ts';
import type { ModelInfo } from '../../core/model.ts';
import { type BatchEndpoint, defineProvider } from '../contract.ts';
import { vendorOf } from '../families/converse/traits.ts';
import { defaultRegion, findAddress, findRegion } from './address.ts';
import { createAuth } from './auth.ts';
import { createBatch, type OpenBatch } from './batch.ts';
import { createConverseChat, createFlexChat } from './converse.ts';
import { createCount } from './count.ts';
import { createEmbeddings } from './embeddings.ts';
import { errorRows } from './errors.ts';
import { createInvokeChat, invokeErrorRows } from './invoke.ts';
import { createPost } from './post.ts';
import { createPrices } from './prices.ts';
import { type Settings, settings } from './settings.ts';

export const provider = defineProvider<Settings>({
  type: 'bedrock',
  settings,
  standIn: (address, { region = defaultRegion, batch }) => ({
    region,
    access_key_id: 'simulated',
    secret_access_key: 'simulated',
    session_token: undefined,
    profile: undefined,
    role_arn: undefined,
    bearer_token: undefined,
    endpoint: address,
    base_url: undefined,
    ...(isObject(batch)
      ? {
          batch: {
            ...batch,
            endpoint: address,
            s3_endpoint: new URL('/~s3', address).href,
            path_style: true,
          },
        }
      : {}),
  }),
  create(name, configured, world) {
    const { now } = world.clock;
    const found = findRegion(configured, world.env);
    const region = found ?? defaultRegion;
    const post = createPost(
      findAddress(configured, region, world.env),
      createAuth(configured, region, world),
    );
    const openBatch = createBatch(configured, region, world);
    return {
      name,
      type: 'bedrock',
      ...(found === undefined
        ? {
            warning: `provider "${name}" has no region, ${defaultRegion} is taken: set AWS_REGION or region`,
          }
        : {}),
      chat: (model) =>
        (usesInvoke(model, configured.api) ? createInvokeChat : createConverseChat)(model, post, now),
      flex: (model) => (hasFlex(model, configured.api) ? createFlexChat(model, post, now) : undefined),
      embeddings: (model) => createEmbeddings(model, post, now),
      countTokens: (model) => createCount(model, post, now),
      ...(openBatch === undefined
        ? {}
        : { batch: (model, operation) => chooseBatch(openBatch, model, operation, configured.api) }),
      price: createPrices(now),
    };
  },
});

/**
 * Invoke keeps Claude's thinking, citations, cache lifetimes and exact usage; Converse loses some of each. Our Invoke speaks Claude alone,
 * so `invoke` means models that are Claude, or whose id does not say.
 */
function usesInvoke(model: ModelInfo, api: Settings['api']): boolean {
  if (api === 'converse') return false;
  const vendor = vendorOf(model.id);
  return vendor === 'anthropic' || (api === 'invoke' && vendor === undefined);
}

/** Claude has no tiers here; of an id that does not say whose it is, AWS must (aws.amazon.com/bedrock/service-tiers, November 2026). */
function hasFlex(model: ModelInfo, api: Settings['api']): boolean {
  return vendorOf(model.id) !== 'anthropic' && !usesInvoke(model, api);
}

/** The form of a job's lines is that of single calls, so that they are encoded and read alike. */
function chooseBatch(
  open: OpenBatch,
  model: ModelInfo,
  operation: 'chat' | 'embedding',
  api: Settings['api'],
): BatchEndpoint | undefined {
  if (operation === 'embedding')
    // Of the makers of embeddings, AWS's page of models for batch inference names Amazon alone (November 2026).
    return vendorOf(model.id) === 'amazon'
      ? open(model, { invocation: 'InvokeModel', errorRows })
      : undefined;
  return usesInvoke(model, api)
    ? open(model, { invocation: 'InvokeModel', errorRows: invokeErrorRows })
    : open(model, { invocation: 'Converse', errorRows });
}

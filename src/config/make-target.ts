/** A provider's model with the endpoints that it has, and what the config knows better than the catalog. */
import { type ModelOverride, modelInfo } from '../catalog/catalog.ts';
import type { ModelInfo } from '../core/model.ts';
import { present } from '../core/present.ts';
import type { TargetName } from '../core/target.ts';
import type { Provider } from '../providers/contract.ts';
import type { Target, Timeouts } from '../router/chain/contract.ts';
import { batchRoomFor, limitsFor, writtenPrice } from './make-capacity.ts';
import type { Config } from './schema.ts';

type Models = Config['models'];

export function makeTarget(
  name: string,
  provider: Provider,
  { model, mode }: TargetName,
  { models, limits, prices }: Pick<Config, 'models' | 'limits' | 'prices'>,
  timeouts: Timeouts,
): Target {
  const info = modelInfo(model, overrideFor(models, provider.name, model));
  // What nobody knows may be either; a known embedding model cannot chat.
  const embeds = info.capabilities.has('embeddings');
  const callable = provider.batchOnly !== true || mode === 'batch';
  const chats = callable && (!embeds || info.capabilities.size > 1);
  return {
    name,
    provider: provider.name,
    mode,
    model: info,
    timeouts: mode === 'flex' ? patient(timeouts) : timeouts,
    limits: limitsFor({ provider: provider.name, model }, limits),
    ...batchesOf(provider, info, { chats, embeds }),
    ...present({ batchRoom: batchRoomFor({ provider: provider.name, model }, limits) }),
    ...present({
      price: writtenPrice({ provider: provider.name, model }, mode, prices) ?? provider.price?.(model, mode),
      listPrice:
        writtenPrice({ provider: provider.name, model }, 'sync', prices) ?? provider.price?.(model, 'sync'),
      chat: chats ? (mode === 'flex' ? provider.flex?.(info) : provider.chat?.(info)) : undefined,
      embeddings: embeds && mode !== 'flex' ? provider.embeddings?.(info) : undefined,
      countTokens: chats ? provider.countTokens?.(info) : undefined,
    }),
  };
}

/** A tier that waits for room may be silent for long at any point of an answer. */
function patient(timeouts: Timeouts): Timeouts {
  const { flexMs } = timeouts;
  return {
    ...timeouts,
    firstByteMs: flexMs,
    firstTokenMs: flexMs,
    answerMs: flexMs,
    idleMs: flexMs,
    totalMs: Math.max(flexMs, timeouts.totalMs),
  };
}

/** Empty where its provider, as configured, has no batch API for the model. */
function batchesOf(
  provider: Provider,
  info: ModelInfo,
  { chats, embeds }: { readonly chats: boolean; readonly embeds: boolean },
): Pick<Target, 'batches'> {
  const batches = present({
    chat: chats ? provider.batch?.(info, 'chat') : undefined,
    embedding: embeds ? provider.batch?.(info, 'embedding') : undefined,
  });
  return batches.chat === undefined && batches.embedding === undefined ? {} : { batches };
}

export function hasOverride(models: Models, provider: string, model: string): boolean {
  return Object.hasOwn(models, model) || Object.hasOwn(models, `${provider}/${model}`);
}

/** By model, then by provider/model, which wins. */
function overrideFor(models: Models, provider: string, model: string): ModelOverride {
  const named = (key: string): Models[string] | undefined =>
    Object.hasOwn(models, key) ? models[key] : undefined;
  const written = { ...named(model), ...named(`${provider}/${model}`) };
  return present({
    contextTokens: written.context,
    maxOutputTokens: written.max_output,
    capabilities: written.capabilities === undefined ? undefined : new Set(written.capabilities),
    sampling: written.sampling,
    thinking: written.thinking,
    efforts: written.efforts,
    midSystem: written.mid_system,
    prefill: written.prefill,
    nativeSchema: written.native_schema,
  });
}

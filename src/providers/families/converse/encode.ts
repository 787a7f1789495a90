/** A neutral request as a Converse body. */
import type { ServiceTierType } from '@aws-sdk/client-bedrock-runtime';
import type { ModelInfo } from '../../../core/model.ts';
import { present } from '../../../core/present.ts';
import type { ChatRequest } from '../../../core/request.ts';
import type { Encoded } from '../../contract.ts';
import { closeObjects } from './answer-schema.ts';
import { limitCachePoints } from './cache-points.ts';
import { cachePoint, encodeMessages } from './encode-messages.ts';
import { encodeTools } from './encode-tools.ts';
import type { RestBody } from './rest-shape.ts';
import { encodeThinking, type Thinking } from './thinking.ts';
import { type ConverseTraits, traitsOf } from './traits.ts';

interface State {
  readonly model: ModelInfo;
  readonly traits: ConverseTraits;
  readonly dropped: Set<string>;
}

export function encodeConverse(request: ChatRequest, model: ModelInfo): Encoded {
  const traits = traitsOf(model);
  const dropped = new Set<string>(Object.keys(request.extensions));
  const state: State = { model, traits, dropped };
  const forcedJson = usesForcedJson(request, state) ? request.format.schema : undefined;
  const thinking = encodeThinking(request, model, traits, forcedJson !== undefined, dropped);
  const messages = encodeMessages(request.messages, { ...state, thinking: thinking.on });
  const toolConfig = encodeTools(request, messages, { ...state, thinking: thinking.on, forcedJson });
  const system = encodeSystem(request, forcedJson !== undefined, state);
  const inferenceConfig = encodeInference(request, thinking, state);
  const fields = { ...thinking.fields, ...encodeTopK(request, thinking, state) };
  const outputConfig = encodeOutput(request, thinking, state);
  const requestMetadata = encodeMetadata(request, dropped);
  const tier = encodeTier(request.serviceTier, dropped);
  const body = {
    messages,
    ...(system.length === 0 ? {} : { system }),
    ...(Object.keys(inferenceConfig).length === 0 ? {} : { inferenceConfig }),
    ...(toolConfig === undefined ? {} : { toolConfig }),
    ...(outputConfig === undefined ? {} : { outputConfig }),
    ...(Object.keys(fields).length === 0 ? {} : { additionalModelRequestFields: fields }),
    // Paths that an answer lacks are ignored; whole answers and streams have it in different places.
    ...(traits.tellsSequence && request.stop !== undefined
      ? { additionalModelResponseFieldPaths: ['/stop_sequence', '/delta/stop_sequence'] }
      : {}),
    ...(requestMetadata === undefined ? {} : { requestMetadata }),
    ...(tier === undefined ? {} : { serviceTier: { type: tier } }),
  } satisfies RestBody;
  limitCachePoints({ messages, system, ...(toolConfig === undefined ? {} : { toolConfig }) });
  dropUnknown(request, dropped);
  return { body, dropped: [...dropped] };
}

/** Everything that has no place in this protocol at all. */
function dropUnknown(request: ChatRequest, dropped: Set<string>): void {
  if (request.seed !== undefined) dropped.add('seed');
  if (request.frequencyPenalty !== undefined) dropped.add('frequency_penalty');
  if (request.presencePenalty !== undefined) dropped.add('presence_penalty');
  if (request.logitBias !== undefined) dropped.add('logit_bias');
  if (request.verbosity !== undefined) dropped.add('verbosity');
}

/** A forced tool stands in for a schema where the model has no native way and can be forced. */
function usesForcedJson(
  request: ChatRequest,
  { model, traits }: State,
): request is ChatRequest & { format: { kind: 'schema' } } {
  return request.format?.kind === 'schema' && !model.nativeSchema && traits.forced !== 'none';
}

function encodeSystem(request: ChatRequest, forcedJson: boolean, { model, traits, dropped }: State) {
  const system: NonNullable<RestBody['system']> = [];
  for (const block of request.system) {
    if (block.text.trim() === '') continue;
    system.push({ text: block.text });
    const point = cachePoint(block.cache, traits);
    if (point !== undefined) system.push({ cachePoint: point });
  }
  const { format } = request;
  if (format?.kind === 'json') {
    dropped.add('response_format');
    system.push({ text: 'Answer with one JSON object and nothing else.' });
  } else if (format?.kind === 'schema' && !model.nativeSchema && !forcedJson) {
    dropped.add('response_format');
    const schema = JSON.stringify(format.schema);
    system.push({
      text: `Answer with one JSON object that fits this JSON Schema, and nothing else: ${schema}`,
    });
  }
  return system;
}

function encodeInference(request: ChatRequest, thinking: Thinking, state: State) {
  const { model, traits } = state;
  const most = model.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  // Claude refuses a sequence of white space.
  const stop = request.stop?.filter((text) => (traits.thinking === 'claude' ? text.trim() : text) !== '');
  return present({
    maxTokens: request.maxOutputTokens === undefined ? undefined : Math.min(most, request.maxOutputTokens),
    ...encodeSampling(request, thinking, state),
    stopSequences: stop?.length === 0 ? undefined : stop,
  });
}

function encodeSampling(request: ChatRequest, thinking: Thinking, { model, traits, dropped }: State) {
  const { temperature, topP } = request;
  const sampling: { temperature?: number; topP?: number } = {};
  const fixed = model.sampling === 'fixed' || thinking.fixedSampling === true;
  const claudeThinks = thinking.on && traits.thinking === 'claude';
  if (temperature !== undefined) {
    // The API's range ends at 1. With Claude thinking only 1 is accepted.
    if (fixed || temperature > 1 || (claudeThinks && temperature !== 1)) dropped.add('temperature');
    if (!fixed && !(claudeThinks && temperature !== 1))
      sampling.temperature = Math.min(1, Math.max(0, temperature));
  }
  if (topP !== undefined) {
    const alone = sampling.temperature === undefined || model.sampling === 'free';
    if (!fixed && alone && (!claudeThinks || topP >= 0.95)) sampling.topP = topP;
    else dropped.add('top_p');
  }
  return sampling;
}

function encodeTopK(request: ChatRequest, thinking: Thinking, { model, traits, dropped }: State): object {
  const { topK } = request;
  if (topK === undefined) return {};
  if (traits.topK === 'nova' && thinking.fixedSampling !== true) return { inferenceConfig: { topK } };
  if (traits.topK === 'field' && !thinking.on && model.sampling !== 'fixed') return { top_k: topK };
  dropped.add('top_k');
  return {};
}

function encodeOutput(
  { format }: ChatRequest,
  { effort }: Thinking,
  { model }: State,
): NonNullable<RestBody['outputConfig']> | undefined {
  const native = format?.kind === 'schema' && model.nativeSchema ? format : undefined;
  if (native === undefined) return effort === undefined ? undefined : { effort };
  return {
    textFormat: {
      type: 'json_schema',
      structure: {
        jsonSchema: {
          schema: JSON.stringify(closeObjects(native.schema)),
          ...present({ name: native.name, description: native.description }),
        },
      },
    },
    ...(effort === undefined ? {} : { effort }),
  };
}

/** What AWS allows in a name or value; up to 16 pairs. */
const metadataText = /^[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}$/;
const mostMetadata = 16;

/** The caller's own pairs, and its user under `user`; both end up in AWS's invocation logs. */
function encodeMetadata(
  { metadata, endUser }: ChatRequest,
  dropped: Set<string>,
): Record<string, string> | undefined {
  const kept: Record<string, string> = {};
  const wanted = [
    ...Object.entries(metadata ?? {}).map(([key, value]) => [key, value, 'metadata'] as const),
    ...(endUser === undefined || metadata?.['user'] !== undefined
      ? []
      : [['user', endUser, 'user'] as const]),
  ];
  for (const [key, value, field] of wanted) {
    if (Object.keys(kept).length < mostMetadata && metadataText.test(key) && metadataText.test(value))
      kept[key] = value;
    else dropped.add(field);
  }
  return Object.keys(kept).length === 0 ? undefined : kept;
}

const tiers: Readonly<Record<string, ServiceTierType>> = {
  default: 'default',
  standard_only: 'default',
  flex: 'flex',
  priority: 'priority',
  reserved: 'reserved',
};

export function encodeTier(tier: string | undefined, dropped: Set<string>): ServiceTierType | undefined {
  if (tier === undefined || tier === 'auto') return undefined;
  const known = tiers[tier];
  if (known === undefined) dropped.add('service_tier');
  return known;
}

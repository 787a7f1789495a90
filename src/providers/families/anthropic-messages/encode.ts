/** A neutral request as an Anthropic Messages body. */
import type {
  MessageCreateParamsBase,
  OutputConfig,
  TextBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import { GatewayError } from '../../../core/errors.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest } from '../../../core/request.ts';
import type { Encoded } from '../../contract.ts';
import { cacheControl, limitCacheMarks } from './cache-marks.ts';
import { type EncodeState, encodeMessages } from './encode-messages.ts';
import { jsonTool } from './json-tool.ts';
import { strictSchema } from './schema.ts';
import { defaultMaxTokens, planThinking, type Thinking } from './thinking.ts';
import { encodeToolChoice, encodeTools } from './tools.ts';
import type { AnthropicVariant } from './variant.ts';

/** What a body says besides its model and its transport's own fields. */
type Body = Omit<MessageCreateParamsBase, 'model'> & { model?: string; anthropic_version?: string };

export function encodeMessagesBody(
  request: ChatRequest,
  model: ModelInfo,
  variant: AnthropicVariant,
): Encoded {
  refuseUnsayable(request, model);
  const dropped = new Set<string>(Object.keys(request.extensions));
  const format = request.format?.kind === 'schema' ? request.format : undefined;
  const forced = model.nativeSchema ? undefined : format;
  const thinking = planThinking(request, model, forced !== undefined, dropped);
  const state: EncodeState = { model, variant, dropped, thinking: thinking.on };
  const tools = encodeTools(request, model, dropped);
  if (forced !== undefined) tools.push(jsonTool(forced, dropped));
  const choice =
    tools.length === 0 ? undefined : encodeToolChoice(request, forced !== undefined, thinking.on, dropped);
  const system = encodeSystem(request, dropped);
  const output = encodeOutput(request, model, thinking, dropped);
  const messages = encodeMessages(request.messages, state);
  limitCacheMarks(tools, system, messages);
  const stops = request.stop?.filter((text) => text.trim() !== '') ?? [];
  if (stops.length < (request.stop?.length ?? 0)) dropped.add('stop');
  dropUnknown(request, variant, dropped);
  const body = {
    ...(variant.bodyVersion === undefined ? {} : { anthropic_version: variant.bodyVersion }),
    ...(variant.modelInBody ? { model: model.id } : {}),
    max_tokens: maxTokens(request, model, thinking),
    ...(system === undefined ? {} : { system }),
    messages,
    ...(tools.length === 0 ? {} : { tools }),
    ...(choice === undefined ? {} : { tool_choice: choice }),
    ...encodeSampling(request, model, thinking.on, dropped),
    ...(stops.length === 0 ? {} : { stop_sequences: stops }),
    ...(thinking.config === undefined ? {} : { thinking: thinking.config }),
    ...(output === undefined ? {} : { output_config: output }),
    ...(request.endUser === undefined ? {} : { metadata: { user_id: request.endUser } }),
    ...(takesTier(variant) && request.serviceTier === 'default' ? { service_tier: 'standard_only' } : {}),
    ...(request.stream && variant.streamInBody ? { stream: true } : {}),
  } satisfies Body;
  return { body, dropped: [...dropped] };
}

/** Several answers and token probabilities have no place here, and leaving them out would answer another question. */
function refuseUnsayable(request: ChatRequest, model: ModelInfo): void {
  const refuse = (param: string, what: string): never => {
    throw new GatewayError('unsupported', `${model.id} cannot ${what}.`, { param });
  };
  if (request.choices !== undefined && request.choices > 1)
    refuse('n', 'give several answers to one request');
  if (request.logprobs !== undefined) refuse('logprobs', 'report token probabilities');
}

/** Priority tiers are a matter of Anthropic's own API alone. */
function takesTier(variant: AnthropicVariant): boolean {
  return variant.bodyVersion === undefined;
}

/** Everything that has no place in this protocol at all. */
function dropUnknown(request: ChatRequest, variant: AnthropicVariant, dropped: Set<string>): void {
  if (request.seed !== undefined) dropped.add('seed');
  if (request.frequencyPenalty !== undefined) dropped.add('frequency_penalty');
  if (request.presencePenalty !== undefined) dropped.add('presence_penalty');
  if (request.logitBias !== undefined) dropped.add('logit_bias');
  if (request.verbosity !== undefined) dropped.add('verbosity');
  if (request.metadata !== undefined) dropped.add('metadata');
  const tier = request.serviceTier ?? 'auto';
  if (tier !== 'auto' && !(tier === 'default' && takesTier(variant))) dropped.add('service_tier');
}

/** Thinking counts into `max_tokens`: a limit that the caller chose stays, one that we chose makes room for it. */
function maxTokens(request: ChatRequest, model: ModelInfo, thinking: Thinking): number {
  const most = model.maxOutputTokens ?? Number.POSITIVE_INFINITY;
  return Math.min(most, request.maxOutputTokens ?? defaultMaxTokens + thinking.budget);
}

function encodeSystem(request: ChatRequest, dropped: Set<string>): string | TextBlockParam[] | undefined {
  const blocks: TextBlockParam[] = request.system
    .filter((block) => block.text.trim() !== '')
    .map((block) => ({ type: 'text', text: block.text, ...cacheControl(block.cache) }));
  if (request.format?.kind === 'json') {
    dropped.add('response_format');
    blocks.push({ type: 'text', text: 'Answer with one JSON object and nothing else.' });
  }
  const only = blocks[0];
  if (only === undefined) return undefined;
  return blocks.length === 1 && only.cache_control === undefined ? only.text : blocks;
}

interface Sampling {
  temperature?: number;
  top_p?: number;
  top_k?: number;
}

function encodeSampling(
  request: ChatRequest,
  model: ModelInfo,
  thinking: boolean,
  dropped: Set<string>,
): Sampling {
  const { temperature, topP, topK } = request;
  if (model.sampling === 'fixed') {
    if (temperature !== undefined) dropped.add('temperature');
    if (topP !== undefined) dropped.add('top_p');
    if (topK !== undefined) dropped.add('top_k');
    return {};
  }
  const sampling: Sampling = {};
  if (temperature !== undefined) {
    // With thinking on, only 1 is accepted.
    if (!thinking || temperature === 1) sampling.temperature = Math.min(1, Math.max(0, temperature));
    if (sampling.temperature !== temperature) dropped.add('temperature');
  }
  if (topP !== undefined) {
    const alone = sampling.temperature === undefined || model.sampling === 'free';
    if (alone && (!thinking || topP >= 0.95)) sampling.top_p = topP;
    else dropped.add('top_p');
  }
  if (topK !== undefined) {
    if (thinking) dropped.add('top_k');
    else sampling.top_k = topK;
  }
  return sampling;
}

function encodeOutput(
  request: ChatRequest,
  model: ModelInfo,
  thinking: Thinking,
  dropped: Set<string>,
): OutputConfig | undefined {
  const { format } = request;
  const schema = format?.kind === 'schema' && model.nativeSchema ? format.schema : undefined;
  if (format?.kind === 'schema' && !model.nativeSchema && format.strict === true)
    dropped.add('response_format.json_schema.strict');
  if (schema === undefined && thinking.effort === undefined) return undefined;
  const moved = new Set<string>();
  const strict = schema === undefined ? undefined : strictSchema(schema, moved);
  for (const word of moved) dropped.add(`response_format.json_schema.${word}`);
  return {
    ...(thinking.effort === undefined ? {} : { effort: thinking.effort }),
    ...(strict === undefined ? {} : { format: { type: 'json_schema', schema: strict } }),
  };
}

/** A neutral request as a Chat Completions body. Key order is stable, so that the provider's prompt cache keeps hitting. */
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import type { ModelInfo } from '../../../core/model.ts';
import { present } from '../../../core/present.ts';
import type { ChatRequest } from '../../../core/request.ts';
import type { Encoded } from '../../contract.ts';
import { encodeFormat } from './answer-format.ts';
import type { EncodeState } from './encode-content.ts';
import { encodeMessages } from './encode-messages.ts';
import { encodeTools } from './encode-tools.ts';
import { encodeThinking, type ThinkingFields } from './thinking.ts';
import { hash } from './tool-id.ts';
import type { ChatTraits } from './traits.ts';

/** What some servers take beyond OpenAI's own fields. */
interface ServerFields {
  top_k?: number;
  random_seed?: number;
}
type Body = ChatCompletionCreateParams & ServerFields & ThinkingFields;

/** Hints without effect on the answer: nobody misses them. */
const hints = new Set(['prompt_cache_key', 'stream_options']);
/** OpenAI takes ids of an end user up to this length; Anthropic's may be eight times as long. */
const longestUser = 64;

export function encodeChat(request: ChatRequest, model: ModelInfo, traits: ChatTraits): Encoded {
  const dropped = new Set<string>(Object.keys(request.extensions));
  const state: EncodeState = { model, traits, dropped };
  const format = encodeFormat(request, state);
  const messages = encodeMessages(request, state);
  const thinking = encodeThinking(request, state);
  const body = {
    model: model.id,
    messages: format.message === undefined ? messages : [format.message, ...messages],
    ...encodeTools(request, state),
    ...encodeLimit(request, state),
    ...encodeSampling(request, thinking, state),
    ...format.fields,
    ...thinking,
    ...encodeRest(request, dropped),
    ...(request.stream
      ? { stream: true, ...(traits.streamUsage ? { stream_options: { include_usage: true } } : {}) }
      : {}),
  } satisfies Body;
  return { body: withoutRefused(body, state), dropped: [...dropped] };
}

function withoutRefused(body: Body, { traits, dropped }: EncodeState): object {
  if (!traits.refuses.some((field) => field in body)) return body;
  const kept = Object.entries(body).filter(([field]) => !traits.refuses.includes(field));
  for (const field of traits.refuses) if (field in body && !hints.has(field)) dropped.add(field);
  return Object.fromEntries(kept);
}

function encodeLimit(
  { maxOutputTokens }: ChatRequest,
  { model, traits, dropped }: EncodeState,
): Partial<Body> {
  if (maxOutputTokens === undefined) return {};
  // Over a model's limit is a 400; a chain may hold models of several limits, so the larger wish is cut.
  const most = Math.min(maxOutputTokens, model.maxOutputTokens ?? Number.POSITIVE_INFINITY);
  if (most < maxOutputTokens) dropped.add('max_tokens');
  return { [traits.maxTokensField]: most };
}

function encodeSampling(request: ChatRequest, thinking: ThinkingFields, state: EncodeState): Partial<Body> {
  const { model, traits, dropped } = state;
  const sampling: Partial<Body> = present({
    temperature: request.temperature,
    top_p: request.topP,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    logprobs: request.logprobs === undefined ? undefined : true,
    top_logprobs: request.logprobs?.top,
    logit_bias: request.logitBias === undefined ? undefined : { ...request.logitBias },
    top_k: traits.topK ? request.topK : undefined,
  });
  const others: Partial<Body> = present({
    stop: request.stop === undefined ? undefined : [...request.stop],
    [traits.seedField]: request.seed,
    n: request.choices,
  });
  if (request.topK !== undefined && !traits.topK) dropped.add('top_k');
  // GPT-5.1 and later sample freely once they are told not to think.
  if (model.sampling !== 'fixed' || thinking.reasoning_effort === 'none') return { ...sampling, ...others };
  for (const [field, value] of Object.entries(sampling)) if (!isDefault(field, value)) dropped.add(field);
  if (others.stop === undefined || model.thinking !== 'effort') return others;
  // Reasoning models refuse stop sequences as well (the parameter's own documentation, November 2026).
  dropped.add('stop');
  const { stop: _, ...rest } = others;
  return rest;
}

/** What a model that fixes its sampling does anyway: leaving it out changes nothing. */
function isDefault(field: string, value: unknown): boolean {
  if (field === 'temperature' || field === 'top_p') return value === 1;
  return (field === 'frequency_penalty' || field === 'presence_penalty') && value === 0;
}

function encodeRest(request: ChatRequest, dropped: Set<string>): Partial<Body> {
  const { endUser, metadata, serviceTier } = request;
  const tier = serviceTier === undefined ? undefined : serviceTiers[serviceTier];
  if (serviceTier !== undefined && tier === undefined) dropped.add('service_tier');
  return present({
    verbosity: request.verbosity,
    service_tier: tier,
    prompt_cache_key: request.cacheKey,
    // A hash still tells users apart, which is all that it is for.
    user: endUser !== undefined && endUser.length > longestUser ? hash(endUser, longestUser) : endUser,
    metadata: metadata === undefined ? undefined : { ...metadata },
  });
}

/** OpenAI's words, and Anthropic's for the same. */
const serviceTiers: Readonly<Record<string, NonNullable<ChatCompletionCreateParams['service_tier']>>> = {
  auto: 'auto',
  default: 'default',
  standard_only: 'default',
  flex: 'flex',
  scale: 'scale',
  priority: 'priority',
};

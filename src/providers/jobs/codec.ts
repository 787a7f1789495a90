/**
 * A chat as an item of a job, and an item's result as a Chat Completions answer. An item is one text and no more: several turns, tools and
 * media cannot be said and are refused; system text goes in front of the user's, and how the answer must be is told in words, since a job
 * has one `response_format` for all its items.
 */
import type { Capability } from '../../core/capability.ts';
import type { Block } from '../../core/content.ts';
import { GatewayError } from '../../core/errors.ts';
import { asString, isObject } from '../../core/json.ts';
import type { ModelInfo } from '../../core/model.ts';
import { present } from '../../core/present.ts';
import type { ChatRequest } from '../../core/request.ts';
import type { ChatEndpoint, Encoded } from '../contract.ts';
import { createChatCodec } from '../families/openai-chat/codec.ts';
import { openAiTraits } from '../families/openai-chat/traits.ts';
import { errorRows } from './errors.ts';

/** An item, without its id. */
export interface ItemBody {
  readonly content: string;
  readonly task?: string;
  /** The job has it where all its items do. */
  readonly response_format?: { readonly type: 'json_object' };
}

const carried: readonly Capability[] = ['structured-output'];

export function createJobsCodec(
  model: ModelInfo,
  options: { readonly task: string | undefined; readonly now: () => number },
): Omit<ChatEndpoint, 'request'> {
  const traits = { ...openAiTraits, schema: 'json' } as const;
  const { readAnswer, openStream, readError } = createChatCodec(model, {
    traits,
    errorRows,
    now: options.now,
  });
  return {
    protocol: 'other',
    model,
    carries: new Set(carried.filter((capability) => model.capabilities.has(capability))),
    encode: (request) => encodeItem(request, options.task),
    readAnswer,
    openStream,
    readError,
  };
}

export function encodeItem(request: ChatRequest, task: string | undefined): Encoded {
  if (request.tools.length > 0) throw unsupported('tools');
  if ((request.choices ?? 1) > 1) throw unsupported('several choices');
  if (request.logprobs !== undefined) throw unsupported('log probabilities');
  const [message, ...others] = request.messages;
  if (message === undefined || others.length > 0 || message.role !== 'user')
    throw unsupported('several turns');
  const dropped = droppedOf(request);
  if (message.name !== undefined) dropped.push('name');
  const { words, json } = formatOf(request, dropped);
  const content = [...request.system.map(({ text }) => text), ...message.blocks.map(textOf), words]
    .filter((text) => text !== '')
    .join('\n\n');
  const body: ItemBody = {
    content,
    ...(task === undefined ? {} : { task }),
    ...(json ? { response_format: { type: 'json_object' } } : {}),
  };
  return { body, dropped };
}

const unsupported = (what: string): GatewayError =>
  new GatewayError('unsupported', `An item of this batch API is one text: it cannot carry ${what}.`);

function textOf(block: Block): string {
  if (block.type === 'text') return block.text;
  throw unsupported(
    block.type === 'opaque' ? 'what only another protocol has' : `a block of kind ${block.type}`,
  );
}

function formatOf(
  { format }: ChatRequest,
  dropped: string[],
): { readonly words: string; readonly json: boolean } {
  if (format === undefined || format.kind === 'text') return { words: '', json: false };
  const words = 'Answer with one JSON object and nothing else.';
  if (format.kind === 'json') return { words, json: true };
  dropped.push('response_format.json_schema');
  return { words: `${words} It must match this JSON Schema:\n${JSON.stringify(format.schema)}`, json: true };
}

function droppedOf(request: ChatRequest): string[] {
  const fields = present({
    // It is sent, but no longer above what the user says.
    system: request.system[0],
    max_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    stop: request.stop,
    seed: request.seed,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    logit_bias: request.logitBias,
    reasoning_effort: request.reasoning,
    verbosity: request.verbosity,
    service_tier: request.serviceTier,
    user: request.endUser,
    metadata: request.metadata,
  });
  return [...Object.keys(request.extensions), ...Object.keys(fields)];
}

/** Where resellers put the text; the first that is there counts. */
const answerFields = ['content', 'output', 'result', 'response'];

/** A result as the answer of a sync call. `undefined` where it holds none. */
export function answerOf(result: Readonly<Record<string, unknown>>, model: string): unknown {
  const field = answerFields.find((name) => (result[name] ?? null) !== null);
  const value = field === undefined ? result : result[field];
  if (isObject(value) && Array.isArray(value['choices'])) return value;
  if (field === undefined) return undefined;
  return {
    id: asString(result['id']) ?? '',
    object: 'chat.completion',
    model: asString(result['model']) ?? model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: typeof value === 'string' ? value : JSON.stringify(value) },
        finish_reason: asString(result['finish_reason']) ?? 'stop',
      },
    ],
    ...(isObject(result['usage']) ? { usage: result['usage'] } : {}),
  };
}

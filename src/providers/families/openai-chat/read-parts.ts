/** What whole answers and stream chunks have in common: usage, logprobs, reasoning, carries. */
import type { Carry } from '../../../core/content.ts';
import type { TokenLogprob } from '../../../core/event.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import { present } from '../../../core/present.ts';
import type { Usage } from '../../../core/usage.ts';

/** `undefined` where there is no usage: absent counts are not zeros. */
export function readUsage(value: unknown, serviceTier?: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const prompt = asObject(value['prompt_tokens_details']);
  const completion = asObject(value['completion_tokens_details']);
  // DeepSeek reports hits beside the details; Moonshot at the top; proxies of Claude in Claude's words.
  const cached =
    asNumber(prompt['cached_tokens']) ??
    asNumber(value['prompt_cache_hit_tokens']) ??
    asNumber(value['cached_tokens']) ??
    asNumber(value['cache_read_input_tokens']);
  const written =
    asNumber(prompt['cache_write_tokens']) ??
    asNumber(prompt['cache_creation_tokens']) ??
    asNumber(value['cache_creation_input_tokens']);
  const tier = asString(serviceTier);
  const usage: Usage = present({
    inputTokens: asNumber(value['prompt_tokens']),
    cacheReadTokens: cached,
    cacheWriteTokens: written,
    outputTokens: readOutput(value, asNumber(completion['reasoning_tokens'])),
    reasoningTokens: asNumber(completion['reasoning_tokens']),
    audioInputTokens: asNumber(prompt['audio_tokens']),
    audioOutputTokens: asNumber(completion['audio_tokens']),
    acceptedPredictionTokens: asNumber(completion['accepted_prediction_tokens']),
    rejectedPredictionTokens: asNumber(completion['rejected_prediction_tokens']),
    serviceTier: tier === '' ? undefined : tier,
  });
  return Object.keys(usage).length === 0 ? undefined : usage;
}

/** xAI, and Gemini's face of the protocol, leave reasoning out of `completion_tokens`; their total shows it. */
function readOutput(
  usage: Readonly<Record<string, unknown>>,
  reasoning: number | undefined,
): number | undefined {
  const output = asNumber(usage['completion_tokens']);
  const total = asNumber(usage['total_tokens']);
  if (output === undefined || total === undefined) return output;
  const hidden = total - output - (asNumber(usage['prompt_tokens']) ?? total);
  if (hidden <= 0) return output;
  return reasoning === undefined || reasoning === hidden ? output + hidden : output;
}

export function readLogprobs(value: unknown): readonly TokenLogprob[] | undefined {
  const logprobs = asObject(value);
  const list = [...asArray(logprobs['content']), ...asArray(logprobs['refusal'])];
  if (list.length === 0) return undefined;
  return list.map((entry) => ({
    ...readToken(entry),
    top: asArray(asObject(entry)['top_logprobs']).map(readToken),
  }));
}

function readToken(value: unknown): { token: string; logprob: number; bytes?: readonly number[] | null } {
  const entry = asObject(value);
  const bytes = entry['bytes'];
  return {
    token: asString(entry['token']) ?? '',
    logprob: asNumber(entry['logprob']) ?? 0,
    ...(Array.isArray(bytes)
      ? { bytes: bytes.filter((byte) => typeof byte === 'number') }
      : bytes === null
        ? { bytes: null }
        : {}),
  };
}

/** Reasoning text under the names that servers use for it; those that use two say the same twice. */
export function readReasoning(value: Readonly<Record<string, unknown>>): string {
  for (const field of ['reasoning_content', 'reasoning']) {
    const text = asString(value[field]) ?? '';
    if (text !== '') return text;
  }
  return asArray(value['reasoning_details'])
    .map((detail) => asString(asObject(detail)['text']) ?? asString(asObject(detail)['summary']) ?? '')
    .join('');
}

/** One of LiteLLM's `thinking_blocks`: Claude's own blocks beside the text. */
export interface ThinkingBlock {
  readonly text: string;
  readonly redacted: boolean;
  readonly payload: string | undefined;
}

export function readThinkingBlocks(value: Readonly<Record<string, unknown>>): readonly ThinkingBlock[] {
  return asArray(value['thinking_blocks']).flatMap((entry): ThinkingBlock[] => {
    const block = asObject(entry);
    if (block['type'] === 'redacted_thinking')
      return [{ text: '', redacted: true, payload: asString(block['data']) ?? '' }];
    if (block['type'] !== 'thinking') return [];
    const signature = asString(block['signature']) ?? '';
    const text = asString(block['thinking']) ?? '';
    return [{ text, redacted: false, payload: signature === '' ? undefined : signature }];
  });
}

export interface ReadImage {
  readonly mimeType: string;
  readonly data: string;
}

/** Generated images, as OpenRouter sends them: `images: [{type: image_url, image_url: {url: data:…}}]`. */
export function readImages(value: Readonly<Record<string, unknown>>): readonly ReadImage[] {
  return asArray(value['images']).flatMap((entry): ReadImage[] => {
    const url = asString(asObject(asObject(entry)['image_url'])['url']) ?? '';
    const head = /^data:([^;,]+);base64,/.exec(url.slice(0, 100));
    return head === null ? [] : [{ mimeType: head[1] ?? '', data: url.slice(head[0].length) }];
  });
}

/** Gemini behind an OpenAI face hangs its thought signature on the call. */
export function readCallCarry(call: Readonly<Record<string, unknown>>): Carry | undefined {
  const extra = asObject(call['extra_content']);
  const signature =
    asString(asObject(extra['google'])['thought_signature']) ??
    asString(asObject(extra['vertex'])['thought_signature']);
  return signature === undefined ? undefined : { family: 'gemini', payload: signature };
}

/** Tool arguments are text; a few servers send the object. */
export function readArguments(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** Content is text; Mistral's reasoning models send parts. */
export function readContent(value: unknown): { readonly text: string; readonly thinking: string } {
  if (typeof value === 'string') return { text: value, thinking: '' };
  let text = '';
  let thinking = '';
  for (const part of asArray(value)) {
    const entry = asObject(part);
    if (entry['type'] === 'thinking') {
      const inner = entry['thinking'];
      thinking +=
        asString(inner) ??
        asArray(inner)
          .map((one) => asString(asObject(one)['text']) ?? '')
          .join('');
    } else text += asString(entry['text']) ?? '';
  }
  return { text, thinking };
}

/** A whole neutral answer as a Chat Completions body. Text after a tool call moves before it: the protocol has one text and a list. */
import type {
  ChatCompletion,
  ChatCompletionMessage,
  ChatCompletionMessageToolCall,
} from 'openai/resources/chat/completions';
import type { Answer, Choice } from '../../../../core/answer.ts';
import type { ReasoningBlock, ToolCallBlock } from '../../../../core/content.ts';
import type { TokenLogprob } from '../../../../core/event.ts';
import type { AnswerContext } from '../../contract.ts';
import { callExtension, thinkingBlock } from './carry.ts';
import { finishReason } from './stop-words.ts';
import { encodeTier, encodeUsage } from './usage.ts';

type Message = ChatCompletionMessage & { reasoning_content?: string; thinking_blocks?: object[] };

export function encodeChatAnswer(answer: Answer, context: AnswerContext): object {
  const legacy = isLegacy(context);
  return {
    id: chatId(answer.id, context.requestId),
    object: 'chat.completion',
    created: answer.createdAtS ?? context.nowS,
    model: answer.model,
    choices: answer.choices.map((choice, index) => ({
      index,
      message: encodeMessage(choice, legacy),
      logprobs: encodeLogprobs(choice.logprobs),
      finish_reason: finishReason(choice.stop.kind, legacy),
    })),
    ...(answer.usage === undefined ? {} : { usage: encodeUsage(answer.usage), ...encodeTier(answer.usage) }),
  } satisfies ChatCompletion;
}

/** The upstream's own id where it is in our style, so that logs on both sides meet. */
export function chatId(id: string, requestId: string): string {
  return id.startsWith('chatcmpl-') ? id : `chatcmpl-${id === '' ? requestId : id}`;
}

/** The caller used the old `functions`: its answer has `function_call`. */
export function isLegacy(context: AnswerContext): boolean {
  return context.request.notes?.['legacyFunctions'] === true;
}

function encodeMessage(choice: Choice, legacy: boolean): Message {
  let text = '';
  let refusal = '';
  const reasoning: ReasoningBlock[] = [];
  const calls: ToolCallBlock[] = [];
  let annotations: ChatCompletionMessage['annotations'];
  for (const block of choice.blocks) {
    if (block.type === 'text') {
      text += block.text;
      annotations ??= urlCitations(block.citations);
    } else if (block.type === 'refusal') refusal += block.text;
    else if (block.type === 'reasoning') reasoning.push(block);
    else if (block.type === 'tool-call') calls.push(block);
  }
  const shown = reasoning.map((block) => block.text).join('');
  const first = calls[0];
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== '') ? null : text,
    refusal: refusal === '' ? null : refusal,
    ...(shown === '' ? {} : { reasoning_content: shown }),
    ...(reasoning.some((block) => block.carry !== undefined)
      ? { thinking_blocks: reasoning.map(thinkingBlock) }
      : {}),
    ...(annotations === undefined ? {} : { annotations }),
    ...(legacy && first !== undefined
      ? { function_call: { name: first.name, arguments: first.arguments } }
      : {}),
    ...(!legacy && calls.length > 0 ? { tool_calls: calls.map(encodeCall) } : {}),
  };
}

function encodeCall(block: ToolCallBlock): ChatCompletionMessageToolCall {
  const carried = callExtension(block.carry);
  if (block.kind === 'custom')
    return { id: block.id, type: 'custom', custom: { name: block.name, input: block.arguments }, ...carried };
  return {
    id: block.id,
    type: 'function',
    function: { name: block.name, arguments: block.arguments === '' ? '{}' : block.arguments },
    ...carried,
  };
}

/** Only OpenAI's own kind of annotation is passed on; other vendors' citations have no shape here. */
function urlCitations(citations: readonly unknown[] | undefined): ChatCompletionMessage['annotations'] {
  const known = (citations ?? []).filter(isUrlCitation);
  return known.length === 0 ? undefined : known;
}

function isUrlCitation(value: unknown): value is ChatCompletionMessage.Annotation {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'url_citation';
}

export function encodeLogprobs(
  list: readonly TokenLogprob[] | undefined,
): ChatCompletion.Choice.Logprobs | null {
  if (list === undefined) return null;
  return {
    content: list.map(({ token, logprob, bytes, top }) => ({
      token,
      logprob,
      bytes: bytes === undefined || bytes === null ? null : [...bytes],
      top_logprobs: top.map((one) => ({
        token: one.token,
        logprob: one.logprob,
        bytes: one.bytes === undefined || one.bytes === null ? null : [...one.bytes],
      })),
    })),
    refusal: null,
  };
}

/**
 * Neutral events as Chat Completions chunks: role first, each tool call's id and name once, one finish_reason a choice, usage in a
 * chunk of its own only if asked for, [DONE] last. `tool_calls[].index` counts calls, not blocks.
 */
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import type { Carry } from '../../../../core/content.ts';
import type { StreamEvent } from '../../../../core/event.ts';
import { mergeUsage, type Usage } from '../../../../core/usage.ts';
import { writeSse } from '../../../../wire/sse.ts';
import type { AnswerContext, StreamEncoder } from '../../contract.ts';
import { callExtension, thinkingBlock } from './carry.ts';
import { chatId, encodeLogprobs, isLegacy } from './encode-answer.ts';
import { encodeChatError } from './errors.ts';
import { finishReason } from './stop-words.ts';
import { encodeTier, encodeUsage } from './usage.ts';

type Delta = ChatCompletionChunk.Choice.Delta & { reasoning_content?: string; thinking_blocks?: object[] };

interface OpenBlock {
  readonly type: 'text' | 'reasoning' | 'refusal' | 'tool-call' | 'other';
  readonly choice: number;
  readonly callIndex: number;
  readonly redacted: boolean;
  carry: Carry | undefined;
  text: string;
}

export function openChatStream(context: AnswerContext): StreamEncoder {
  return new ChatStream(context);
}

class ChatStream implements StreamEncoder {
  readonly #context: AnswerContext;
  readonly #legacy: boolean;
  readonly #blocks = new Map<number, OpenBlock>();
  readonly #calls = new Map<number, number>();
  readonly #begun = new Set<number>();
  /** The part of every chunk that does not change, serialised once. */
  #head = '';
  #usage: Usage | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#legacy = isLegacy(context);
  }

  write(event: StreamEvent): string {
    switch (event.type) {
      case 'start':
        this.#start(event.id, event.model, event.createdAtS);
        return '';
      case 'block-start':
        return this.#openBlock(event);
      case 'block-delta':
        return this.#delta(event.index, event.text, event.logprobs);
      case 'block-carry': {
        const block = this.#blocks.get(event.index);
        if (block !== undefined) block.carry = event.carry;
        return '';
      }
      case 'block-stop':
        return this.#closeBlock(event.index);
      case 'stop':
        return this.#chunk(event.choice ?? 0, {}, finishReason(event.stop.kind, this.#legacy));
      case 'usage':
        this.#usage = mergeUsage(this.#usage, event.usage);
        return '';
      case 'end':
        return this.#end();
      case 'error':
        return writeSse(JSON.stringify(encodeChatError(event.error).body));
      case 'block-citation':
      case 'ping':
        return '';
    }
  }

  #start(id: string, model: string, createdAtS: number | undefined): void {
    const head = {
      id: chatId(id, this.#context.requestId),
      object: 'chat.completion.chunk',
      created: createdAtS ?? this.#context.nowS,
      model,
    } satisfies Partial<ChatCompletionChunk>;
    this.#head = JSON.stringify(head).slice(0, -1);
  }

  #openBlock(event: Extract<StreamEvent, { type: 'block-start' }>): string {
    const { block } = event;
    const choice = event.choice ?? 0;
    if (block.type !== 'tool-call') {
      const type =
        block.type === 'text' || block.type === 'reasoning' || block.type === 'refusal'
          ? block.type
          : 'other';
      const redacted = block.type === 'reasoning' && block.redacted === true;
      const carry = 'carry' in block ? block.carry : undefined;
      this.#blocks.set(event.index, { type, choice, callIndex: 0, redacted, carry, text: '' });
      return '';
    }
    const callIndex = this.#calls.get(choice) ?? 0;
    this.#calls.set(choice, callIndex + 1);
    this.#blocks.set(event.index, {
      type: 'tool-call',
      choice,
      callIndex,
      redacted: false,
      carry: block.carry,
      text: '',
    });
    if (this.#legacy)
      return this.#chunk(choice, { function_call: { name: block.name, arguments: '' } }, null);
    const named = {
      index: callIndex,
      id: block.id,
      type: 'function' as const,
      function: { name: block.name, arguments: '' },
    };
    return this.#chunk(choice, { tool_calls: [{ ...named, ...callExtension(block.carry) }] }, null);
  }

  #delta(
    index: number,
    text: string,
    logprobs: Extract<StreamEvent, { type: 'block-delta' }>['logprobs'],
  ): string {
    const block = this.#blocks.get(index);
    if (block === undefined) return '';
    switch (block.type) {
      case 'text':
        return this.#chunk(block.choice, { content: text }, null, encodeLogprobs(logprobs));
      case 'refusal':
        return this.#chunk(block.choice, { refusal: text }, null, encodeLogprobs(logprobs));
      case 'reasoning':
        block.text += text;
        return this.#chunk(block.choice, { reasoning_content: text }, null);
      case 'tool-call':
        block.text += text;
        return this.#arguments(block, text);
      case 'other':
        return '';
    }
  }

  #arguments(block: OpenBlock, text: string): string {
    if (this.#legacy) return this.#chunk(block.choice, { function_call: { arguments: text } }, null);
    return this.#chunk(
      block.choice,
      { tool_calls: [{ index: block.callIndex, function: { arguments: text } }] },
      null,
    );
  }

  /** A call without arguments still needs `{}`; a signed thought is told whole once it is whole. */
  #closeBlock(index: number): string {
    const block = this.#blocks.get(index);
    this.#blocks.delete(index);
    if (block === undefined) return '';
    if (block.type === 'tool-call' && block.text === '') return this.#arguments(block, '{}');
    if (block.type !== 'reasoning' || block.carry === undefined) return '';
    return this.#chunk(
      block.choice,
      {
        thinking_blocks: [thinkingBlock({ text: block.text, redacted: block.redacted, carry: block.carry })],
      },
      null,
    );
  }

  #chunk(
    choice: number,
    delta: Delta,
    finish: ChatCompletionChunk.Choice['finish_reason'],
    logprobs: ChatCompletionChunk.Choice['logprobs'] = null,
  ): string {
    const first = !this.#begun.has(choice);
    if (first) this.#begun.add(choice);
    const told: Delta = first ? { role: 'assistant', content: null, ...delta } : delta;
    const choices = [
      { index: choice, delta: told, logprobs, finish_reason: finish },
    ] satisfies ChatCompletionChunk.Choice[];
    const usage = this.#context.request.streamUsage ? ',"usage":null' : '';
    return writeSse(`${this.#head},"choices":${JSON.stringify(choices)}${usage}}`);
  }

  #end(): string {
    const usage = this.#usage;
    const last =
      this.#context.request.streamUsage && usage !== undefined
        ? writeSse(
            `${this.#head},"choices":[],${JSON.stringify({ usage: encodeUsage(usage), ...encodeTier(usage) }).slice(1)}`,
          )
        : '';
    return `${last}data: [DONE]\n\n`;
  }
}

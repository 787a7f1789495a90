/**
 * Neutral events as Anthropic stream events: one message_start, blocks strictly one after another, message_delta, message_stop.
 *
 * Blocks that are open side by side (OpenAI's parallel calls) are serialised: the first open one streams, the others wait in memory until it
 * closes. What waits is bounded. A text block opens at its first text, never empty.
 */
import { GatewayError } from '../../../core/errors.ts';
import type { Stop, StreamEvent } from '../../../core/event.ts';
import { mergeUsage, type Usage } from '../../../core/usage.ts';
import { writeSse } from '../../../wire/sse.ts';
import type { AnswerContext, StreamEncoder } from '../contract.ts';
import { messageId, ownCitations, stopReason } from './encode-answer.ts';
import { encodeError } from './errors.ts';
import { PendingBlock } from './pending-block.ts';
import { encodeUsage } from './usage.ts';

/** Text that waits behind an open block. The longest outputs are under a megabyte; past this the upstream is broken. */
const mostWaitingCharacters = 32 * 1024 * 1024;

export function openMessageStream(context: AnswerContext): StreamEncoder {
  return new MessageStream(context);
}

class MessageStream implements StreamEncoder {
  readonly #context: AnswerContext;
  /** Blocks in order of opening; the first is the one whose turn it is. */
  readonly #queue: PendingBlock[] = [];
  readonly #byIndex = new Map<number, PendingBlock>();
  #waiting = 0;
  #index = 0;
  #started = false;
  #usage: Usage | undefined;
  #stop: Stop = { kind: 'end' };

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  write(event: StreamEvent): string {
    switch (event.type) {
      case 'start':
        return this.#start(event.id, event.model);
      case 'block-start': {
        if ((event.choice ?? 0) !== 0) return '';
        const block = new PendingBlock(event.block);
        this.#queue.push(block);
        this.#byIndex.set(event.index, block);
        return this.#advance();
      }
      case 'block-delta':
        return this.#text(event.index, event.text);
      case 'block-carry': {
        const block = this.#byIndex.get(event.index);
        if (block !== undefined) block.carry = event.carry;
        return this.#advance();
      }
      case 'block-citation': {
        const citations = ownCitations([event.citation]);
        if (citations !== null) this.#byIndex.get(event.index)?.citations.push(...citations);
        return this.#advance();
      }
      case 'block-stop': {
        const block = this.#byIndex.get(event.index);
        this.#byIndex.delete(event.index);
        if (block !== undefined) block.closed = true;
        return this.#advance();
      }
      case 'stop':
        if ((event.choice ?? 0) === 0) this.#stop = event.stop;
        return '';
      case 'usage':
        this.#usage = mergeUsage(this.#usage, event.usage);
        return '';
      case 'end':
        return this.#end();
      case 'error':
        return writeSse(JSON.stringify(encodeError(event.error, this.#context.requestId).body), 'error');
      case 'ping':
        return '';
    }
  }

  #start(id: string, model: string): string {
    if (this.#started) return '';
    this.#started = true;
    const message = {
      id: messageId(id, this.#context.requestId),
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      // The true input count is often known only at the end; message_delta corrects it.
      usage: encodeUsage(this.#usage),
    };
    return event('message_start', { message });
  }

  #text(index: number, text: string): string {
    const block = this.#byIndex.get(index);
    if (block === undefined) return '';
    block.text += text;
    if (block === this.#queue[0]) return this.#advance();
    this.#waiting += text.length;
    if (this.#waiting > mostWaitingCharacters)
      throw new GatewayError('upstream_malformed', 'The provider keeps one block open without end.');
    return '';
  }

  /** Writes all that may be written now: the block whose turn it is, and those behind it as it closes. */
  #advance(): string {
    let out = '';
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      if (!head.opened && head.mayOpen()) {
        out += this.#wholeBlock(head.lead());
        head.opened = true;
        out += event('content_block_start', { index: this.#index, content_block: head.content() });
      }
      if (head.opened) out += this.#deltas(head.deltas());
      if (!head.closed) break;
      if (head.opened) out += this.#deltas(head.lastDeltas()) + this.#stopBlock();
      out += this.#wholeBlock(head.trail());
      this.#queue.shift();
    }
    return out;
  }

  /** A thought that only carries a signature. */
  #wholeBlock(thought: object | undefined): string {
    if (thought === undefined) return '';
    const { signature, ...start } = { signature: '', ...thought };
    return (
      event('content_block_start', { index: this.#index, content_block: { ...start, signature: '' } }) +
      this.#deltas([{ type: 'signature_delta', signature }]) +
      this.#stopBlock()
    );
  }

  #stopBlock(): string {
    return event('content_block_stop', { index: this.#index++ });
  }

  #deltas(deltas: readonly object[]): string {
    return deltas.map((delta) => event('content_block_delta', { index: this.#index, delta })).join('');
  }

  #end(): string {
    for (const block of this.#queue) block.closed = true;
    const rest = this.#advance();
    const sequence = this.#stop.kind === 'stop-sequence' ? (this.#stop.sequence ?? null) : null;
    const delta = { stop_reason: stopReason(this.#stop), stop_sequence: sequence };
    return `${rest}${event('message_delta', { delta, usage: encodeUsage(this.#usage) })}${event('message_stop', {})}`;
  }
}

function event(type: string, data: object): string {
  return writeSse(JSON.stringify({ type, ...data }), type);
}

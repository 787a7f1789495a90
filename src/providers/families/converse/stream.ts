/**
 * ConverseStream frames to events. Only a tool call is announced (`contentBlockStart`); a text or reasoning block begins with its first
 * delta that holds something. Usage comes in `metadata`, after `messageStop`: the end waits for it, or for a clean close.
 */
import { GatewayError } from '../../../core/errors.ts';
import type { BlockStart, Emit, Stop } from '../../../core/event.ts';
import { asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import type { Frame, FrameDecoder } from '../../../core/stream.ts';
import type { ReadAs } from './decode.ts';
import { callStart, carryOf, readStop, readUsage, redactedBytes } from './read-parts.ts';

type Fields = Readonly<Record<string, unknown>>;

export function createConverseFrameDecoder(readAs: ReadAs): FrameDecoder {
  return new ConverseFrameDecoder(readAs);
}

interface OpenBlock {
  readonly index: number;
  /** Signature or encrypted thinking so far; it may come in pieces. */
  carried: string;
}

class ConverseFrameDecoder implements FrameDecoder {
  readonly #readAs: ReadAs;
  /** Converse's block number to ours: blocks without content leave gaps that ours may not have. */
  readonly #open = new Map<number, OpenBlock>();
  #next = 0;
  #started = false;
  #calls = false;
  #stop: Stop | GatewayError | undefined;
  #ended = false;

  constructor(readAs: ReadAs) {
    this.#readAs = readAs;
  }

  frame(frame: Frame, emit: Emit): void {
    if (this.#ended) return;
    switch (frame.name) {
      case 'messageStart':
        this.#start(emit);
        return;
      case 'contentBlockStart':
        this.#startBlock(parse(frame.data), emit);
        return;
      case 'contentBlockDelta':
        this.#delta(parse(frame.data), emit);
        return;
      case 'contentBlockStop':
        this.#stopBlock(asNumber(parse(frame.data)['contentBlockIndex']) ?? -1, emit);
        return;
      case 'messageStop': {
        const data = parse(frame.data);
        this.#stop = readStop(data['stopReason'], data['additionalModelResponseFields'], this.#calls);
        return;
      }
      case 'metadata': {
        const data = parse(frame.data);
        const usage = readUsage(data['usage'], data['serviceTier']);
        if (usage !== undefined) emit({ type: 'usage', usage });
        this.finish(emit);
        return;
      }
    }
  }

  finish(emit: Emit): void {
    if (this.#ended || this.#stop === undefined) return;
    this.#ended = true;
    if (this.#stop instanceof GatewayError) {
      emit({ type: 'error', error: this.#stop });
      return;
    }
    this.#start(emit);
    for (const { index } of this.#open.values()) emit({ type: 'block-stop', index });
    emit({ type: 'stop', stop: this.#stop });
    emit({ type: 'end' });
  }

  #start(emit: Emit): void {
    if (this.#started) return;
    this.#started = true;
    emit({ type: 'start', id: '', model: this.#readAs.model });
  }

  #startBlock(data: Fields, emit: Emit): void {
    const { toolUse } = asObject(data['start']);
    if (!isObject(toolUse)) return;
    this.#calls = true;
    this.#begin(asNumber(data['contentBlockIndex']) ?? this.#next, callStart(toolUse), emit);
  }

  #stopBlock(number: number, emit: Emit): void {
    const block = this.#open.get(number);
    if (block === undefined) return;
    this.#open.delete(number);
    emit({ type: 'block-stop', index: block.index });
  }

  #delta(data: Fields, emit: Emit): void {
    const number = asNumber(data['contentBlockIndex']) ?? 0;
    const { text, toolUse, reasoningContent, citation } = asObject(data['delta']);
    if (typeof text === 'string') {
      if (text !== '') this.#text(this.#block(number, { type: 'text' }, emit), text, emit);
    } else if (isObject(toolUse)) {
      const block = this.#open.get(number);
      if (block !== undefined) this.#text(block, asString(toolUse['input']) ?? '', emit);
    } else if (isObject(reasoningContent)) {
      this.#reasoning(number, reasoningContent, emit);
    } else if (citation !== undefined) {
      const { index } = this.#block(number, { type: 'text' }, emit);
      emit({ type: 'block-citation', index, citation });
    }
  }

  #text({ index }: OpenBlock, text: string, emit: Emit): void {
    if (text !== '') emit({ type: 'block-delta', index, text });
  }

  #reasoning(number: number, content: Fields, emit: Emit): void {
    const redacted = asString(content['redactedContent']);
    if (redacted !== undefined) {
      this.#redacted(number, redactedBytes(redacted), emit);
      return;
    }
    const text = asString(content['text']) ?? '';
    const signature = asString(content['signature']) ?? '';
    if (text === '' && signature === '') return;
    const block = this.#block(number, { type: 'reasoning' }, emit);
    this.#text(block, text, emit);
    if (signature !== '') this.#carry(block, signature, emit);
  }

  /** The first piece goes with the start: who writes such a block writes it whole. */
  #redacted(number: number, piece: string, emit: Emit): void {
    const block = this.#open.get(number);
    if (block !== undefined) {
      this.#carry(block, piece, emit);
      return;
    }
    const carry = carryOf(this.#readAs.family, piece);
    this.#begin(number, { type: 'reasoning', redacted: true, carry }, emit).carried = piece;
  }

  #carry(block: OpenBlock, piece: string, emit: Emit): void {
    block.carried += piece;
    emit({ type: 'block-carry', index: block.index, carry: carryOf(this.#readAs.family, block.carried) });
  }

  #block(number: number, block: BlockStart, emit: Emit): OpenBlock {
    return this.#open.get(number) ?? this.#begin(number, block, emit);
  }

  #begin(number: number, block: BlockStart, emit: Emit): OpenBlock {
    this.#start(emit);
    // A number that begins again ends what it stood for.
    this.#stopBlock(number, emit);
    const open = { index: this.#next++, carried: '' };
    this.#open.set(number, open);
    emit({ type: 'block-start', index: open.index, block });
    return open;
  }
}

function parse(data: string): Fields {
  try {
    return asObject(JSON.parse(data));
  } catch (cause) {
    throw new GatewayError('upstream_malformed', 'The provider sent a stream frame that is not JSON.', {
      cause,
    });
  }
}

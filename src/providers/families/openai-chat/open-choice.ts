/** One of the answers of a stream while it is written: which block is open, which calls, and how it stopped. */
import type { Carry } from '../../../core/content.ts';
import type { BlockStart, Emit, TokenLogprob } from '../../../core/event.ts';
import { asArray, asString, isObject } from '../../../core/json.ts';
import { OpenCalls } from './open-calls.ts';
import {
  readContent,
  readImages,
  readLogprobs,
  readReasoning,
  readThinkingBlocks,
  type ThinkingBlock,
} from './read-parts.ts';
import { createReasoningDetails } from './reasoning-details.ts';
import { createSpokenAudio } from './spoken-audio.ts';
import { readStop } from './stop-words.ts';

type Fields = Readonly<Record<string, unknown>>;
type Written = 'text' | 'reasoning' | 'refusal';

/** What a choice needs of the answer that it is part of. */
export interface ChoiceSink {
  readonly emit: Emit;
  /** Opens a block in the answer's own counting. */
  begin(block: BlockStart): number;
  makeId(position: number): string;
}

export class OpenChoice {
  readonly #number: number;
  readonly #details = createReasoningDetails();
  readonly #audio = createSpokenAudio();
  readonly #calls: OpenCalls;
  /** Set while a piece is read: where events go. */
  #sink: ChoiceSink | undefined;
  #open: { readonly type: Written; readonly index: number; characters: number } | undefined;
  /** The last text, for citations that come after it was closed. */
  #text: number | undefined;
  #refused = false;
  #finish: string | undefined;

  constructor(number: number) {
    this.#number = number;
    this.#calls = new OpenCalls({
      begin: (block) => this.#begin(block),
      write: (index, text) => this.#sink?.emit({ type: 'block-delta', index, text }),
      close: (index) => this.#sink?.emit({ type: 'block-stop', index }),
      makeId: (position) => this.#sink?.makeId(position) ?? '',
    });
  }

  get finished(): boolean {
    return this.#finish !== undefined;
  }

  /** `value` is an entry of `choices`: of a chunk with its `delta`, or of a whole answer with its `message`. */
  read(value: Fields, sink: ChoiceSink): void {
    this.#sink = sink;
    const delta = value['delta'] ?? value['message'];
    if (isObject(delta)) this.#readDelta(delta, readLogprobs(value['logprobs']));
    const finish = asString(value['finish_reason']) ?? '';
    if (finish !== '') this.#finish = finish;
  }

  end(sink: ChoiceSink): void {
    this.#sink = sink;
    this.#takeDetails();
    this.#close();
    this.#calls.settle();
    const audio = this.#audio.raw();
    if (audio !== undefined) this.#whole({ type: 'opaque', protocol: 'openai-chat', raw: audio });
    this.#calls.close();
    const stop = readStop(this.#finish, { calls: this.#calls.any, refusal: this.#refused });
    sink.emit({ type: 'stop', stop, ...(this.#number === 0 ? {} : { choice: this.#number }) });
  }

  #readDelta(delta: Fields, logprobs: readonly TokenLogprob[] | undefined): void {
    const { text, thinking } = readContent(delta['content']);
    const blocks = readThinkingBlocks(delta);
    const reasoning = readReasoning(delta) + thinking;
    if (blocks.length > 0)
      for (const block of blocks) this.#think(block, blocks.length === 1 ? reasoning : '');
    else if (reasoning !== '') this.#write('reasoning', reasoning);
    this.#details.add(asArray(delta['reasoning_details']));

    const refusal = asString(delta['refusal']) ?? '';
    if (text !== '') this.#write('text', text, logprobs);
    if (refusal !== '') {
      this.#refused = true;
      this.#write('refusal', refusal, text === '' ? logprobs : undefined);
    }
    // Special tokens have a probability and no text.
    if (text === '' && refusal === '' && logprobs !== undefined && this.#text !== undefined)
      this.#sink?.emit({ type: 'block-delta', index: this.#text, text: '', logprobs });
    for (const citation of asArray(delta['annotations']))
      if (this.#text !== undefined) this.#sink?.emit({ type: 'block-citation', index: this.#text, citation });
    for (const image of readImages(delta)) this.#whole({ type: 'image', ...image });
    this.#audio.add(delta['audio']);

    for (const call of asArray(delta['tool_calls'])) if (isObject(call)) this.#call(call);
    if (isObject(delta['function_call'])) this.#call({ ...delta['function_call'], index: -1 });
  }

  #call(value: Fields): void {
    this.#takeDetails();
    this.#close();
    this.#calls.read(value);
  }

  #think(block: ThinkingBlock, beside: string): void {
    const { payload, redacted } = block;
    if (redacted) {
      this.#whole({
        type: 'reasoning',
        redacted: true,
        carry: { family: 'anthropic', payload: payload ?? '' },
      });
      return;
    }
    const text = block.text === '' ? beside : block.text;
    const open = this.#open?.type === 'reasoning' ? this.#open : undefined;
    // A signed block may repeat the whole thought after its pieces (our own Chat dialect does).
    const again = payload !== undefined && open !== undefined && open.characters === text.length;
    if (text !== '' && !again) this.#write('reasoning', text);
    if (payload === undefined) return;
    this.#carry({ family: 'anthropic', payload });
    // A signature ends its block: the next thought is one of its own.
    this.#close();
  }

  /** Reasoning has ended: what was signed of it goes onto its block, which is made if nothing was shown. */
  #takeDetails(): void {
    const carry = this.#details.take();
    if (carry !== undefined) this.#carry(carry);
  }

  #carry(carry: Carry): void {
    const index = this.#open?.type === 'reasoning' ? this.#open.index : this.#openBlock('reasoning');
    this.#sink?.emit({ type: 'block-carry', index, carry });
  }

  #write(type: Written, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (type !== 'reasoning') this.#takeDetails();
    const index = this.#open?.type === type ? this.#open.index : this.#openBlock(type);
    if (this.#open !== undefined) this.#open.characters += text.length;
    this.#sink?.emit({ type: 'block-delta', index, text, ...(logprobs === undefined ? {} : { logprobs }) });
  }

  #openBlock(type: Written): number {
    this.#close();
    this.#calls.settle();
    const index = this.#begin({ type });
    this.#open = { type, index, characters: 0 };
    if (type === 'text') this.#text = index;
    return index;
  }

  #whole(block: BlockStart): void {
    this.#takeDetails();
    this.#close();
    this.#calls.settle();
    const index = this.#begin(block);
    this.#sink?.emit({ type: 'block-stop', index });
  }

  #close(): void {
    if (this.#open !== undefined) this.#sink?.emit({ type: 'block-stop', index: this.#open.index });
    this.#open = undefined;
  }

  #begin(block: BlockStart): number {
    return this.#sink?.begin(block) ?? 0;
  }
}

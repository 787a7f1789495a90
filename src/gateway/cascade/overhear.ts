/** The strong model's answer on its way to the caller, remembered so that it can be compared. It delays and changes nothing. */
import type { Answer } from '../../core/answer.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { StreamEvent } from '../../core/event.ts';
import type { Served, StreamSink, WholeSink } from '../../router/contract.ts';
import { fold } from './hold.ts';
import { readStream, readWhole } from './read-answer.ts';

/** Longer answers are not compared. */
const mostBytes = 4_000_000;

export class OverheardWhole implements WholeSink<Answer> {
  readonly #to: WholeSink<Answer>;
  #read: () => Answer | undefined = () => undefined;

  constructor(to: WholeSink<Answer>) {
    this.#to = to;
  }

  get closed(): boolean {
    return this.#to.closed;
  }

  onClose(callback: () => void): () => void {
    return this.#to.onClose(callback);
  }

  relay(served: Served, body: Uint8Array): void {
    if (body.length <= mostBytes) this.#read = () => readWhole(served.target, body);
    this.#to.relay(served, body);
  }

  answer(served: Served, answer: Answer): void {
    this.#read = () => answer;
    this.#to.answer(served, answer);
  }

  /** Throws where it cannot be read. */
  heard(): Answer | undefined {
    return this.#read();
  }
}

export class OverheardStream implements StreamSink {
  readonly #to: StreamSink;
  #served: Served | undefined;
  #chunks: Uint8Array[] = [];
  #events: StreamEvent[] = [];
  #bytes = 0;
  #ended = false;

  constructor(to: StreamSink) {
    this.#to = to;
  }

  get closed(): boolean {
    return this.#to.closed;
  }

  onClose(callback: () => void): () => void {
    return this.#to.onClose(callback);
  }

  commit(served: Served, encode: boolean): void {
    this.#served = served;
    this.#to.commit(served, encode);
  }

  bytes(chunk: Uint8Array): void {
    if (this.#fits(chunk.length)) this.#chunks.push(Uint8Array.from(chunk));
    this.#to.bytes(chunk);
  }

  event(event: StreamEvent): void {
    if (this.#fits(event.type === 'block-delta' ? event.text.length + 64 : 64)) this.#events.push(event);
    this.#to.event(event);
  }

  flush(): boolean {
    return this.#to.flush();
  }

  onDrain(callback: () => void): void {
    this.#to.onDrain(callback);
  }

  end(): void {
    this.#ended = true;
    this.#to.end();
  }

  fail(error: GatewayError): void {
    this.#to.fail(error);
  }

  /** `undefined`: it did not come to its end, or is too long. Throws where it cannot be read. */
  heard(): Answer | undefined {
    if (!this.#ended || this.#served === undefined || this.#bytes > mostBytes) return undefined;
    return this.#events.length > 0 ? fold(this.#events) : readStream(this.#served.target, this.#chunks);
  }

  #fits(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes <= mostBytes) return true;
    this.#chunks = [];
    this.#events = [];
    return false;
  }
}

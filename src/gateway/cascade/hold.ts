/** Answers that are held until they have been judged, whole or streamed. Nothing of them reaches the caller before `give`. */
import { type Answer, createFold } from '../../core/answer.ts';
import type { StreamEvent } from '../../core/event.ts';
import { unfold } from '../../core/unfold.ts';
import type { Served, Sink, StreamSink, WholeSink } from '../../router/contract.ts';
import { readStream, readWhole } from './read-answer.ts';

export interface Held {
  readonly served: Served;
  readonly answer: Answer;
  /** `instead`: what is given in its place, said in the same way. */
  give(served: Served, instead?: Answer): void;
}

/** Follows the caller: when it hangs up, what is held is no longer wanted. */
class Following implements Sink {
  protected readonly caller: Sink;
  held: Held | undefined;

  constructor(caller: Sink) {
    this.caller = caller;
  }

  get closed(): boolean {
    return this.caller.closed;
  }

  onClose(callback: () => void): () => void {
    return this.caller.onClose(callback);
  }
}

export class HeldWhole extends Following implements WholeSink<Answer> {
  readonly #to: WholeSink<Answer> | undefined;

  /** `to`: absent where it is never given to anybody. */
  constructor(caller: Sink, to?: WholeSink<Answer>) {
    super(caller);
    this.#to = to;
  }

  relay(served: Served, body: Uint8Array): void {
    this.held = {
      served,
      answer: readWhole(served.target, body),
      give: (told, instead) =>
        instead === undefined ? this.#to?.relay(told, body) : this.#to?.answer(told, instead),
    };
  }

  answer(served: Served, answer: Answer): void {
    this.held = { served, answer, give: (told, instead) => this.#to?.answer(told, instead ?? answer) };
  }
}

/** A stream that is longer is not held: it goes on to nobody, and is judged as unreadable. */
const mostHeldBytes = 32_000_000;

export class HeldStream extends Following implements StreamSink {
  readonly #to: StreamSink;
  #served: Served | undefined;
  #encode = false;
  #chunks: Uint8Array[] = [];
  #events: StreamEvent[] = [];
  #bytes = 0;

  constructor(to: StreamSink) {
    super(to);
    this.#to = to;
  }

  commit(served: Served, encode: boolean): void {
    this.#served = served;
    this.#encode = encode;
  }

  bytes(chunk: Uint8Array): void {
    // The chunk may be a view of a buffer that is used again.
    if (this.#fits(chunk.length)) this.#chunks.push(Uint8Array.from(chunk));
  }

  event(event: StreamEvent): void {
    if (this.#fits(event.type === 'block-delta' ? event.text.length + 64 : 64)) this.#events.push(event);
  }

  flush(): boolean {
    return true;
  }

  /** Never asked for, since `flush` never says no. */
  onDrain(callback: () => void): void {
    callback();
  }

  end(): void {
    const served = this.#served;
    if (served === undefined || this.#bytes > mostHeldBytes) return;
    this.held = {
      served,
      answer: this.#encode ? fold(this.#events) : readStream(served.target, this.#chunks),
      give: (told, instead) => this.#give(told, instead),
    };
  }

  /** Broken after its first content. Nobody has seen it, so there is nothing to tell. */
  fail(): void {
    this.#chunks = [];
    this.#events = [];
  }

  #fits(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes <= mostHeldBytes) return true;
    this.fail();
    return false;
  }

  #give(served: Served, instead: Answer | undefined): void {
    const to = this.#to;
    to.commit(served, this.#encode || instead !== undefined);
    if (instead !== undefined) unfold(instead, (event) => to.event(event));
    else {
      for (const chunk of this.#chunks) to.bytes(chunk);
      for (const event of this.#events) to.event(event);
    }
    to.flush();
    to.end();
  }
}

export function fold(events: readonly StreamEvent[]): Answer {
  const folded = createFold();
  for (const event of events) folded.add(event);
  return folded.answer();
}

/** The answer of a call that nobody holds a line for, as it is kept: in the caller's dialect, in the form that was asked for, or told that it is not. */
import { type Answer, createFold, type EmbeddingAnswer } from '../core/answer.ts';
import type { GatewayError } from '../core/errors.ts';
import type { OutputFormat } from '../core/request.ts';
import type { Usage } from '../core/usage.ts';
import { checkForm } from '../form/answer.ts';
import { readJson } from './body.ts';
import type { Target } from './chain/contract.ts';
import type { Call, Served, Sink, WholeSink } from './contract.ts';

/** A call whose answer can be written without a socket. */
export interface AnswerableCall extends Call {
  readonly operation: 'chat' | 'embedding';
  /** The form that the answer must have, where the caller gave one. */
  format(): OutputFormat | undefined;
  encodeAnswer(answer: Answer | EmbeddingAnswer): object;
}

/** An answer that was given before. */
export interface Found {
  readonly target: Target;
  readonly usage: Usage | undefined;
  /** What the caller is told of it. */
  readonly headers: Readonly<Record<string, string>>;
  /** To the sink that was found for. */
  give(): void;
}

export type Came =
  /** `body`: JSON in the caller's dialect. `answer`: what it says; absent where nobody looked at it. */
  | {
      readonly kind: 'answer';
      readonly served: Served;
      readonly body: string;
      readonly answer?: Answer | EmbeddingAnswer;
      readonly repaired: boolean;
      /** It was given before. */
      readonly found?: Found;
    }
  /** Answered, in a form that it must not have. */
  | {
      readonly kind: 'form';
      readonly served: Served;
      readonly body: string;
      readonly answer: Answer | EmbeddingAnswer;
      readonly message: string;
    }
  | { readonly kind: 'error'; readonly error: GatewayError }
  /** The sink was closed. */
  | { readonly kind: 'closed' };

export interface KeptOptions {
  /** Answers are held against the form that was asked for, those too that go as they came. */
  readonly checked: boolean;
  readonly sink: Sink;
}

export class Kept implements WholeSink<Answer | EmbeddingAnswer> {
  readonly #call: AnswerableCall;
  readonly #checked: boolean;
  readonly #sink: Sink;
  came: Came | undefined;

  constructor(call: AnswerableCall, { checked, sink }: KeptOptions) {
    this.#call = call;
    this.#checked = checked;
    this.#sink = sink;
  }

  get closed(): boolean {
    return this.#sink.closed;
  }

  onClose(callback: () => void): () => void {
    return this.#sink.onClose(callback);
  }

  relay(served: Served, bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const body = buffer.toString('utf8');
    const { chat } = served.target;
    if (!this.#checked || chat === undefined) this.came = { kind: 'answer', served, body, repaired: false };
    else {
      const fold = createFold();
      chat.readAnswer(readJson(buffer), fold.add);
      this.#tell(served, fold.answer(), body);
    }
  }

  answer(served: Served, answer: Answer | EmbeddingAnswer): void {
    this.#tell(served, answer, undefined);
  }

  /** `body`: as it came, where that serves. */
  #tell(served: Served, answer: Answer | EmbeddingAnswer, body: string | undefined): void {
    const call = this.#call;
    const checked = 'choices' in answer ? checkForm(call.format(), answer) : undefined;
    const mended = checked?.answer;
    const told =
      body === undefined || mended !== undefined ? JSON.stringify(call.encodeAnswer(mended ?? answer)) : body;
    const common = { served, body: told, answer: mended ?? answer };
    this.came =
      checked?.message === undefined
        ? { kind: 'answer', ...common, repaired: mended !== undefined }
        : { kind: 'form', ...common, message: checked.message };
  }
}

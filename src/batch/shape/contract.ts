/** How the ways in speak of batches: a line read, a request made of it, a result written. One shape for each folder of `gateway/batches`. */
import type { Answer, EmbeddingAnswer } from '../../core/answer.ts';
import type { ScannedBody } from '../../core/body.ts';
import type { Facts } from '../../core/facts.ts';
import type { Protocol } from '../../core/protocol.ts';
import type { ChatRequest, OutputFormat } from '../../core/request.ts';
import type { Call } from '../../router/contract.ts';
import type { Batch, CascadeOutcome, ItemError } from '../contract.ts';

/** One request of a batch, read; what the router and the collector need of the caller's dialect. */
export interface ItemCall extends Call {
  readonly operation: 'chat' | 'embedding';
  /** The form that the answer must have, where the caller gave one. */
  format(): OutputFormat | undefined;
  /** The last words of the user, for rules that answer without a model. */
  lastText(): string;
  /** A neutral answer as the body that the caller's dialect would have got from a sync call. */
  encodeAnswer(answer: Answer | EmbeddingAnswer): object;
  /** An answer made of a text, as a model would have given it. */
  answerOf(text: string): Answer;
  /** Chats alone: what it asks, in neutral form. */
  chat?(): ChatRequest;
  /** Chats alone: the same item, asking this instead. */
  asking?(request: ChatRequest): ItemCall;
}

/** A line of an input, before it is known whether it can be sent. */
export interface Line {
  readonly customId: string;
  /** The request itself, byte for byte what is in the line. */
  readonly body: ScannedBody;
  readonly facts: Facts;
  /** Of its dialect's protocol, that came with the batch and go with each of its items (`anthropic-beta`). Lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a result line tells beside the answer. */
export interface Provenance {
  /** `provider/model@batch`; '' where a rule answered. */
  readonly target: string;
  readonly attempts: number;
  /** Ours. */
  readonly submission?: string;
  readonly promptHash: string;
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
  readonly twinOf?: string;
  /** Where a cascade has judged the first answer. */
  readonly cascade?: {
    readonly outcome: CascadeOutcome;
    /** In which it ended; 1 is the first. */
    readonly wave: number;
    readonly confidence?: number;
  };
}

/** One result, to be written in a shape. */
export type FinalItem =
  | {
      readonly kind: 'done';
      readonly batch: Batch;
      readonly customId: string;
      readonly seq: number;
      /** JSON text in the caller's dialect. */
      readonly body: string;
      readonly provenance: Provenance;
    }
  | {
      readonly kind: 'rejected' | 'dead' | 'cancelled' | 'expired';
      readonly batch: Batch;
      readonly customId: string;
      readonly seq: number;
      readonly error: ItemError;
    };

/** How one kind of batch speaks: its lines, its results. One folder of `gateway/batches` each. */
export interface BatchShape {
  readonly id: string;
  /** Protocols whose answers its callers read as they are. */
  readonly protocols: readonly Protocol[];
  /** Its webhooks carry the results. */
  readonly pushesResults?: boolean;
  /** No caller knows of its batches: their results are taken item by item, and no files are written of them. */
  readonly unlisted?: boolean;
  /** Prefix of batch ids (`batch_`, `msgbatch_`). */
  readonly idPrefix: string;
  /** Reads a line. Throws `invalid_request`, `param` naming the field; the message is for the caller as it stands. */
  readLine(line: Buffer, batch: Pick<Batch, 'endpoint'>): Line;
  /** By which the result of a line that `readLine` refuses is found again; undefined where that cannot be read. */
  customIdOf(line: Buffer): string | undefined;
  /** `line` as `readLine` made it. */
  call(line: Line, context: { readonly id: string; readonly batch: Batch; readonly nowMs: number }): ItemCall;
  /** Which file of `outputs` a result is written to, and as what; without the line's end. */
  writeResult(result: FinalItem): { readonly output: 'output' | 'error'; readonly line: string };
}

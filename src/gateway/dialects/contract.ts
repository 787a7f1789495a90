/**
 * A client dialect: an API shape that apps speak to us. One folder here each; `npm run gen` lists them in the registry.
 *
 * A dialect decodes requests to neutral form and encodes answers, streams and errors from it. It knows no provider.
 */
import type { Answer, EmbeddingAnswer } from '../../core/answer.ts';
import type { ScannedBody } from '../../core/body.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { StreamEvent } from '../../core/event.ts';
import type { Facts } from '../../core/facts.ts';
import type { Protocol } from '../../core/protocol.ts';
import type { ChatRequest, EmbeddingRequest } from '../../core/request.ts';

/** What an answer needs besides itself. */
export interface AnswerContext {
  /** Fallback for an upstream that gave no id; already in no dialect's style. */
  readonly requestId: string;
  /** Seconds since 1970, for dialects that stamp answers. */
  readonly nowS: number;
  readonly request: ChatRequest;
}

/** Turns events into the text of the dialect's stream. Each call returns what to write, possibly nothing. */
export interface StreamEncoder {
  /** Never called after `end` or `error`. `error` writes the dialect's own error event and nothing after it. */
  write(event: StreamEvent): string;
}

export interface ErrorBody {
  readonly status: number;
  readonly body: object;
}

/** Part shared by every operation of a dialect. */
export interface Dialect {
  readonly id: string;
  readonly protocol: Protocol;
  /** Path under which the operation is served, such as `/v1/chat/completions`. */
  readonly path: string;
  /** Request headers that belong to the protocol and are forwarded to a target that speaks it. Lower case. */
  readonly forwardedHeaders: readonly string[];
  /** What routing needs, from the top-level fields alone wherever that is enough. Throws `invalid_request`. */
  inspect(body: ScannedBody): Facts;
  encodeError(error: GatewayError, requestId: string): ErrorBody;
}

/** How a conversation begins, as it stands in the body: what provider caches would know again. */
export interface Opening {
  /** What the caller itself calls the conversation, or what it shares a cache with. */
  readonly marker?: string;
  /** Tools and instructions. */
  readonly prefix: string;
  /** The first words of the user. */
  readonly first: string;
}

export interface ChatDialect extends Dialect {
  readonly operation: 'chat';
  /** Reads no more of the body than that. */
  opening(body: ScannedBody): Opening;
  /** The whole request. Throws `invalid_request` with `param` naming the field. */
  decode(body: unknown): ChatRequest;
  encodeAnswer(answer: Answer, context: AnswerContext): object;
  openStream(context: AnswerContext): StreamEncoder;
  /** The event that ends a relayed stream after the upstream failed in its middle. */
  encodeStreamError(error: GatewayError, requestId: string): string;
  /** Sent while an upstream is silent, once the stream has begun. */
  readonly ping: string;
}

export interface EmbeddingDialect extends Dialect {
  readonly operation: 'embedding';
  decode(body: unknown): EmbeddingRequest;
  encodeAnswer(answer: EmbeddingAnswer, request: EmbeddingRequest): object;
}

export interface CountDialect extends Dialect {
  readonly operation: 'count-tokens';
  decode(body: unknown): ChatRequest;
  encodeAnswer(answer: { readonly inputTokens: number }): object;
}

export type AnyDialect = ChatDialect | EmbeddingDialect | CountDialect;

/** One model as listed to clients. */
export interface ListedModel {
  readonly id: string;
  readonly createdAtS: number;
  readonly ownedBy: string;
}

/** How a family of dialects lists models, and tells by headers that a `/v1/models` call is meant for it. */
export interface ModelList {
  readonly id: string;
  readonly claims: (headers: Readonly<Record<string, string | string[] | undefined>>) => boolean;
  list(models: readonly ListedModel[]): object;
  one(model: ListedModel): object;
  encodeError(error: GatewayError, requestId: string): ErrorBody;
}

/** One folder under `dialects/` exports one of these as `dialects`. */
export interface DialectFolder {
  readonly id: string;
  readonly dialects: readonly AnyDialect[];
  readonly models?: ModelList;
}

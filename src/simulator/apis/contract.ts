/** One provider's wire API, stood in for. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Ask, Script } from '../brain.ts';
import type { Standing } from '../limits.ts';

export type Operation = 'chat' | 'embedding' | 'count-tokens';

/** A call, told by its URL. */
export interface Matched {
  readonly operation: Operation;
  /** From the URL; absent: the body names it. */
  readonly model?: string;
  readonly stream?: boolean;
  /** The API's own variant (`sse`, `array`, `invoke`). */
  readonly form?: string;
}

/** What can be refused, in the API's own shape. */
export type Refusal =
  | 'bad-request'
  | 'auth'
  | 'not-found'
  | 'rate-limit'
  | 'quota'
  | 'context-too-long'
  | 'content-filter'
  | 'overloaded'
  | 'server-error';

export interface Rendered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A request that the real API would refuse; thrown by `read`. */
export class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

export interface Embedded {
  readonly answer: object;
  readonly inputTokens: number;
}

export interface Api {
  /** Instance name where the path has none. */
  readonly id: string;
  match(path: string, query: URLSearchParams, headers: IncomingHttpHeaders): Matched | undefined;
  authorized(headers: IncomingHttpHeaders, query: URLSearchParams): boolean;
  read(matched: Matched, body: Readonly<Record<string, unknown>>): Ask;
  /** Headers of a success, limits included. */
  headers(standing: Standing, id: string): Readonly<Record<string, string>>;
  whole(matched: Matched, ask: Ask, script: Script, body: Readonly<Record<string, unknown>>): object;
  readonly streamType: (matched: Matched) => string;
  /** The stream, a write each; the last ones are its terminal. */
  chunks(
    matched: Matched,
    ask: Ask,
    script: Script,
    body: Readonly<Record<string, unknown>>,
  ): readonly (string | Buffer)[];
  /** How many of the last chunks are its terminal. */
  readonly terminalChunks: (matched: Matched, body: Readonly<Record<string, unknown>>) => number;
  /** A chunk that cannot be read. */
  brokenChunk(matched: Matched): string | Buffer;
  errorChunk(matched: Matched): string | Buffer;
  refuse(
    refusal: Refusal,
    message: string,
    options: { readonly status?: number; readonly retryAfterS?: number },
  ): Rendered;
  /** Present where the API has a flex tier: whether a call asks for it, and what a call is told for which it has no room. */
  readonly flex?: {
    asked(body: Readonly<Record<string, unknown>>, headers: IncomingHttpHeaders): boolean;
    full(): Rendered;
  };
  embed?(matched: Matched, body: Readonly<Record<string, unknown>>): Embedded;
  count?(ask: Ask): object;
}

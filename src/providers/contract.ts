/**
 * What a provider is to the rest of the gateway.
 *
 * A **provider type** (one folder here) declares its settings and makes **providers**; a provider offers an **endpoint** for
 * each model and operation it has. An endpoint shapes requests, authenticates them, reads answers and says what an
 * error means. It does no routing, keeps no health, retries nothing and opens no socket on the hot path: it
 * describes a `WireRequest`, the router sends it.
 *
 * What a vendor lacks is an absent member, never a method that throws "unsupported".
 */
import type { ZodType } from 'zod';
import type { EmbeddingAnswer } from '../core/answer.ts';
import type { BodyEdits, ScannedBody } from '../core/body.ts';
import type { Capability } from '../core/capability.ts';
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import type { LimitReport } from '../core/limit-report.ts';
import type { ModelInfo } from '../core/model.ts';
import type { Price } from '../core/price.ts';
import type { Protocol } from '../core/protocol.ts';
import type { ChatRequest, EmbeddingRequest } from '../core/request.ts';
import type { StreamReader, StreamRelay } from '../core/stream.ts';
import type { Mode } from '../core/target.ts';
import type { Usage } from '../core/usage.ts';

/** One HTTP request, ready to send. Header names are lower case. */
export interface WireRequest {
  readonly method: 'POST' | 'GET';
  /** Scheme, host and port, such as `https://api.openai.com`. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Response headers: lower-case names; a repeated header is joined by ", ". */
export type ResponseHeaders = Readonly<Record<string, string>>;

/** A response that is not a success, its body cut at some 64 kB. */
export interface FailedResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: string;
}

export interface Encoded {
  /** Serialised with JSON.stringify; key order is stable, so that the provider's prompt cache keeps hitting. */
  readonly body: object;
  /** Headers that this body needs (`anthropic-beta`). */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the target cannot carry and was left out or adapted, by its name in the OpenAI or Anthropic API (`seed`, `top_k`). */
  readonly dropped: readonly string[];
}

/** What pass-through must know of the caller's request. */
export interface ForwardedCall {
  readonly stream: boolean;
  /** The caller asked for usage in its stream. */
  readonly streamUsage: boolean;
  /** The caller's own headers that its protocol defines (`anthropic-beta`, `anthropic-version`, `openai-*`); lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The caller's body, for a target that must look before it says that it takes it as it is. */
  readonly body?: ScannedBody;
}

/** What must change in a body that is otherwise forwarded byte by byte, and the headers to send with it. */
export interface ForwardEdits extends BodyEdits {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Shared by every operation. `Req` is the neutral request. */
export interface Endpoint<Req> {
  readonly protocol: Protocol;
  readonly model: ModelInfo;
  /** What this protocol and model can carry; a request that needs more is not sent here. */
  readonly carries: ReadonlySet<Capability>;
  /** Neutral request to this target's body. Throws `unsupported` or `invalid_request` for what cannot be said at all. */
  encode(request: Req): Encoded;
  /**
   * Present where a body of `protocol` may be forwarded as it came. Returns what must change (`model` always).
   * `undefined` from the call: this one request must be translated after all.
   */
  forward?(call: ForwardedCall): ForwardEdits | undefined;
  /**
   * URL, authentication and version headers for a body. A promise only where a token has to be fetched.
   * `headers` are those of `Encoded` or `ForwardEdits`.
   */
  request(
    body: string | Uint8Array,
    options: { readonly stream: boolean; readonly headers: Readonly<Record<string, string>> },
  ): WireRequest | Promise<WireRequest>;
  /** Any non-2xx response as one of the kinds in `core/errors.ts`. Never throws, whatever the body is. */
  readError(response: FailedResponse): GatewayError;
  /** Present where the provider tells its limits beside its answers, good or bad. Never throws; runs on every answer, so it must be quick. */
  readLimits?(headers: ResponseHeaders): LimitReport | undefined;
}

export interface ChatEndpoint extends Endpoint<ChatRequest> {
  /** A whole answer as events, `end` included. `body` is parsed JSON. Throws `upstream_malformed`. */
  readAnswer(body: unknown, emit: Emit): void;
  /**
   * The same for an answer that is relayed, from its top-level fields alone: what it used. `undefined`: it must be read whole, to say
   * what is wrong with it.
   */
  watchAnswer?(body: Buffer): { readonly usage: Usage | undefined } | undefined;
  openStream(): StreamReader;
  /** Present where `forward` is: the caller gets SSE of `protocol`, as bytes. */
  openRelay?(call: ForwardedCall): StreamRelay;
}

export interface EmbeddingEndpoint extends Endpoint<EmbeddingRequest> {
  readAnswer(body: unknown): EmbeddingAnswer;
}

export interface CountEndpoint extends Endpoint<ChatRequest> {
  readAnswer(body: unknown): { readonly inputTokens: number };
}

/** One upstream account. Endpoints are made once a model and kept for the life of the config. */
export interface Provider {
  readonly name: string;
  readonly type: string;
  /** Why calls cannot succeed as configured ("no API key: set OPENAI_API_KEY or api_key"). Shown at start and by `check`. */
  readonly warning?: string;
  chat?(model: ModelInfo): ChatEndpoint;
  embeddings?(model: ModelInfo): EmbeddingEndpoint;
  countTokens?(model: ModelInfo): CountEndpoint | undefined;
  /** What the provider asks for a model in a mode, all its discounts in it; `undefined` where nobody knows. */
  price?(model: string, mode: Mode): Price | undefined;
}

/** What a provider is given of the world. */
export interface ProviderWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** One folder under `providers/` exports one of these as `provider`. */
export interface ProviderType<Settings = unknown> {
  readonly type: string;
  /** Strict: an unknown key is an error. `type` itself is not part of it. */
  readonly settings: ZodType<Settings>;
  create(name: string, settings: Settings, world: ProviderWorld): Provider;
}

export function defineProvider<Settings>(provider: ProviderType<Settings>): ProviderType<Settings> {
  return Object.freeze(provider);
}

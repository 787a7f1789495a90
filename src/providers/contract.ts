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

/** One job at a provider's batch API, before it is sent. */
export interface BatchJob {
  /**
   * Ours: `s` and 11 lower-case letters or digits, written down before anything is sent. The adapter puts it wherever the provider lets
   * us search (metadata, labels, name, request token, the items' ids), so that `find` knows the job again.
   */
  readonly id: string;
  readonly items: number;
  /** Of all bodies together. */
  readonly bytes: number;
  /** When it was intended: no job of it is older. */
  readonly createdAtMs: number;
}

/** One request of a job. The provider's id for it is spelled of the job's id and `key`, and read back from it: never from its position. */
export interface BatchLine {
  readonly key: number;
  /** JSON text, as `encode` or `forward` of the sync endpoint made it for this target. */
  readonly body: string;
}

/** What one job may hold, by the provider's documentation. */
export interface BatchLimits {
  readonly mostItems: number;
  readonly mostBytes: number;
  /** A job of fewer is refused (Bedrock: 100). */
  readonly leastItems: number;
  /** What a line adds to its body, at most. */
  readonly envelopeBytes: number;
  /** How long the provider may take before it gives up what is left. */
  readonly windowMs: number;
}

/** What came of sending a job. */
export type Submitted =
  /** `handle`: the provider's own id, by which it is polled from now on. */
  | { readonly kind: 'accepted'; readonly handle: string }
  /** The provider has no such job, and will not have one. */
  | { readonly kind: 'refused'; readonly error: GatewayError }
  /** It may have it (a time-out, a 5xx, a reset after the last byte): `find` must tell before it is sent again. */
  | { readonly kind: 'unknown'; readonly error: GatewayError };

export type Found =
  | { readonly kind: 'found'; readonly handle: string }
  /** Not there now. Lists may lag, so it is asked more than once before anything is sent again. */
  | { readonly kind: 'absent' }
  /** Some job may be it, which will only show later. */
  | { readonly kind: 'unsure'; readonly retryAfterMs: number };

/** How a job ended. Never means that every item of it was answered. `refused`: nothing of it ran. */
export type JobEnd = 'completed' | 'expired' | 'cancelled' | 'failed' | 'refused';

export type JobStatus =
  | {
      readonly kind: 'running';
      readonly state: 'queued' | 'running' | 'finishing' | 'cancelling';
      readonly done?: number;
      readonly failed?: number;
      /** The provider's own hint. */
      readonly nextPollMs?: number;
    }
  | {
      readonly kind: 'ended';
      readonly how: JobEnd;
      /** Of `failed` and `refused`; `rate_limited` where there was no room for its tokens. */
      readonly error?: GatewayError;
    };

/** What came of one request of a job. Each result is told on its own; what is told of no request at all is missing. */
export type BatchResult =
  /** `body`: what `readAnswer` of the sync endpoint reads. */
  | { readonly kind: 'answered'; readonly key: number; readonly body: unknown }
  | { readonly kind: 'failed'; readonly key: number; readonly error: GatewayError }
  | { readonly kind: 'expired' | 'cancelled'; readonly key: number }
  /** A line that cannot be read, or whose id is not of this job. */
  | { readonly kind: 'unreadable'; readonly message: string };

/**
 * A model of a provider behind its batch API, for one operation. It keeps nothing between calls, retries nothing and never sends a job twice. All but `submit`
 * throw `GatewayError`, as the provider's sync errors are read. Every call is bounded in time.
 */
export interface BatchEndpoint {
  readonly limits: BatchLimits;
  /** What the model carries in single calls and not in a job. Absent: nothing. A request that needs it goes another way. */
  readonly lacks?: ReadonlySet<Capability>;
  /** Uploads the lines and creates the job. `lines` come in handfuls; it never holds all of them in memory. What `lines` throw, it throws. */
  submit(job: BatchJob, lines: AsyncIterable<readonly BatchLine[]>): Promise<Submitted>;
  /** `known`: handles that belong to other jobs of ours. */
  find(job: BatchJob, known: (handle: string) => Promise<boolean>): Promise<Found>;
  poll(handle: string, job: BatchJob): Promise<JobStatus>;
  /** Asks for its end; what is finished stays. Nothing happens where it has ended. */
  cancel(handle: string, job: BatchJob): Promise<void>;
  /** All that the provider has of an ended job, from output and error files alike, in handfuls, in any order. */
  results(handle: string, job: BatchJob): AsyncIterable<readonly BatchResult[]>;
  /** Removes what the job left at the provider and costs storage. Absent where there is nothing. */
  discard?(handle: string, job: BatchJob): Promise<void>;
}

/** One upstream account. Endpoints are made once a model and kept for the life of the config. */
export interface Provider {
  readonly name: string;
  readonly type: string;
  /** Why calls cannot succeed as configured ("no API key: set OPENAI_API_KEY or api_key"). Shown at start and by `check`. */
  readonly warning?: string;
  /** It has no calls but those of its batch API. Its targets are `@batch` ones; their `chat` encodes and reads, and sends nothing. */
  readonly batchOnly?: true;
  chat?(model: ModelInfo): ChatEndpoint;
  /**
   * Present where the provider, as configured, has a tier that waits for room at a batch's price; `undefined` where the model is not in it.
   * The endpoint asks for the tier whatever the request says, and reads a refusal for want of room as `upstream_overloaded`.
   */
  flex?(model: ModelInfo): ChatEndpoint | undefined;
  embeddings?(model: ModelInfo): EmbeddingEndpoint;
  countTokens?(model: ModelInfo): CountEndpoint | undefined;
  /** Present where the provider, as configured, has a batch API; `undefined` where this model or operation is not in it. */
  batch?(model: ModelInfo, operation: 'chat' | 'embedding'): BatchEndpoint | undefined;
  /**
   * Present where the provider may say by itself that a job has ended. The job that such a call tells of; `undefined`: it is not the provider's,
   * and nothing of it is to be believed. It may come twice, or never.
   */
  readWebhook?(call: {
    readonly body: Uint8Array;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  }): { readonly handle: string } | undefined;
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
  /**
   * What of the settings must be otherwise, as they are written, for every call to go to a stand-in at `address` (`http://127.0.0.1:4010/~NAME`), with no
   * credential but a made-up one. `undefined`: left out. Absent: nothing can stand in for it.
   */
  standIn?(address: string, written: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

export function defineProvider<Settings>(provider: ProviderType<Settings>): ProviderType<Settings> {
  return Object.freeze(provider);
}

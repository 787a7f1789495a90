/** What a chain is made of: targets, each with all that calling it takes and the limits that hold for it. All durations are milliseconds. */
import type { ModelInfo } from '../../core/model.ts';
import type { Price } from '../../core/price.ts';
import type { Mode } from '../../core/target.ts';
import type { Bucket } from '../../limits/contract.ts';
import type {
  BatchEndpoint,
  ChatEndpoint,
  CountEndpoint,
  EmbeddingEndpoint,
} from '../../providers/contract.ts';

export interface Timeouts {
  readonly connectMs: number;
  /** Response headers of a stream. */
  readonly firstByteMs: number;
  /** First content of a stream; before it the caller has seen nothing and another target may answer. */
  readonly firstTokenMs: number;
  /** The whole of an answer that is not streamed, from sending the request to its first byte. */
  readonly answerMs: number;
  /** Silence inside an answer. */
  readonly idleMs: number;
  /** One attempt, whole. */
  readonly totalMs: number;
  /** At a flex tier, which waits for room: in place of all the others but the connection's. */
  readonly flexMs: number;
}

/** What one limit counts. */
export type Measure = 'requests' | 'input' | 'output' | 'tokens';

/** A rate that requests use up: of a provider, of a model at a provider, or of a caller’s key. */
export interface Meter {
  readonly bucket: Bucket;
  readonly measure: Measure;
  /** Share of the bucket that work of low priority may use. */
  readonly headroom: number;
}

/** How many requests may run at once. */
export interface Places {
  readonly key: string;
  readonly limit: number;
  /** Share of them that work of low priority may use; absent: all. */
  readonly headroom?: number;
}

export interface LimitSet {
  readonly meters: readonly Meter[];
  readonly places: readonly Places[];
}

/** A target with everything needed to call it. One object a target in a policy. */
export interface Target {
  /** As in the YAML, `provider/model`, with `@mode` unless sync. */
  readonly name: string;
  readonly provider: string;
  readonly mode: Mode;
  readonly model: ModelInfo;
  readonly timeouts: Timeouts;
  /** Of its provider and of its own. */
  readonly limits: LimitSet;
  /** In its mode; absent: unknown. */
  readonly price?: Price;
  /** What a sync call costs without any discount for waiting. */
  readonly listPrice?: Price;
  readonly chat?: ChatEndpoint;
  readonly embeddings?: EmbeddingEndpoint;
  readonly countTokens?: CountEndpoint;
  /** Of the provider's batch API. */
  readonly batches?: { readonly chat?: BatchEndpoint; readonly embedding?: BatchEndpoint };
  /** What its batch API has room for. */
  readonly batchRoom?: BatchRoom;
}

/** Limits of a provider's batch API, as configured. Absent: none known. */
export interface BatchRoom {
  /** Jobs that run at once, and the tokens in them: keys and sizes of slots. */
  readonly jobs?: Places;
  readonly tokens?: Places;
  /** Requests of one job. */
  readonly mostItems?: number;
}

/** One place in a chain: a target, or several that share the place by weight. */
export interface Step {
  readonly options: readonly { readonly target: Target; readonly weight: number }[];
}

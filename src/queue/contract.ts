/**
 * Requests whose callers do not hold the line for the answer (`Prefer: respond-async`, RFC 7240): kept until they are answered, and for a while
 * after it, so that whoever asked can fetch the answer.
 *
 * Such a request goes one of two ways. `queue`: a worker calls its route within the limits, as a sync call, by its lane and age.
 * `batch`: it is gathered with others of its group into a batch of ours, which goes the road of all batches.
 * Times are milliseconds since 1970, money nano-dollars.
 */
import type { Owner, Webhook } from '../batch/contract.ts';
import type { Priority } from '../core/facts.ts';

export type Way = 'queue' | 'batch';

/**
 * `waiting`: for a worker, or to be gathered. `calling`: a worker has it. `gathered`: it is to be an item of a batch, whose creation is intended.
 * `batched`: it is one. The others are final.
 */
export const queuedStates = [
  'waiting',
  'calling',
  'gathered',
  'batched',
  'answered',
  'failed',
  'cancelled',
] as const;
export type QueuedState = (typeof queuedStates)[number];
export const finalQueuedStates: readonly QueuedState[] = ['answered', 'failed', 'cancelled'];

/** What the caller would have got over a held line. */
export interface QueuedAnswer {
  readonly status: number;
  /** JSON in the caller's dialect: an answer, or an error. */
  readonly body: string;
  /** The gateway's own headers (`x-intermodal-target`, `-cost`, …), lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface QueuedRequest {
  /** `areq_…`: what its caller asks by. */
  readonly id: string;
  readonly owner: Owner;
  readonly team?: string;
  /** By which its body is read and its answer written: the id of a dialect. */
  readonly dialect: string;
  readonly operation: 'chat' | 'embedding';
  /** As the caller named it. */
  readonly model: string;
  readonly route: string;
  /** As it came. */
  readonly body: Uint8Array;
  /** Those of the caller's headers that its dialect forwards (`anthropic-beta`). Lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly priority: Priority;
  readonly way: Way;
  /** Requests of one group may share a batch: same owner, dialect, route, priority and tags. */
  readonly group: string;
  readonly inputTokens: number;
  readonly webhook?: Webhook;
  readonly idempotencyKey?: string;

  readonly state: QueuedState;
  /** Calls begun by workers. */
  readonly tries: number;
  readonly createdAtMs: number;
  readonly deadlineAtMs: number;
  /** No worker takes it before. */
  readonly dueAtMs: number;
  /**
   * Of those that are due, the least comes first: the time of its creation and the handicap of its lane. A request of a low lane is
   * overtaken only by those that came less than that handicap after it, so none waits for ever.
   */
  readonly rankMs: number;
  /** The gathering that it was taken in. */
  readonly flush?: string;
  /** The batch that it is an item of (its `custom_id` there is `id`). */
  readonly batch?: { readonly no: number; readonly seq: number };
  readonly answer?: QueuedAnswer;
  readonly costNanoUsd: number;
  readonly endedAtMs?: number;
}

export type NewQueuedRequest = Omit<
  QueuedRequest,
  'state' | 'tries' | 'flush' | 'batch' | 'answer' | 'costNanoUsd' | 'endedAtMs'
>;

/** Without what it asks and was answered. */
export type ListedRequest = Omit<QueuedRequest, 'body' | 'answer'>;

/** What callers may ask of requests that wait; everything is of one owner. Throws `GatewayError`: `not_found`, `conflict`. */
export interface QueueDesk {
  /** Durable when it resolves. `replayed`: the idempotency key was used before, and this is what it made then. */
  add(request: NewQueuedRequest): Promise<{ readonly request: QueuedRequest; readonly replayed: boolean }>;
  get(owner: Owner, id: string): Promise<QueuedRequest>;
  /** Newest first, those made before `after`. */
  list(
    owner: Owner,
    limit: number,
    after?: string,
  ): Promise<{ readonly data: readonly ListedRequest[]; readonly hasMore: boolean }>;
  /** What is called already, or an item of a batch that was submitted, may be paid for all the same. */
  cancel(owner: Owner, id: string): Promise<QueuedRequest>;
}

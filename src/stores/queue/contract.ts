/** The rows of requests that wait. Every write is one transaction, may be repeated without harm, and says whether it took place. */
import type { Owner } from '../../batch/contract.ts';
import type { Priority } from '../../core/facts.ts';
import type {
  ListedRequest,
  NewQueuedRequest,
  QueuedAnswer,
  QueuedRequest,
  Way,
} from '../../queue/contract.ts';
import type { Delivery } from '../batch/contract.ts';

/** A request that a worker holds until its lease ends. */
export interface HeldRequest {
  readonly request: QueuedRequest;
  /** Grows with every claim; a write that names an older one does nothing. */
  readonly fence: number;
}

/** What came of a request that a worker holds. */
export interface SettledRequest {
  readonly held: HeldRequest;
  readonly state: 'answered' | 'failed';
  readonly answer: QueuedAnswer;
  readonly costNanoUsd: number;
}

/** Of those that are due. */
export interface Claimable {
  /** Those alone whose deadline is before that, the earliest deadline first. */
  readonly deadlineBeforeMs?: number;
  /** None of these routes. */
  readonly exceptRoutes?: readonly string[];
}

/** Requests that may share a batch, none of them gathered yet. */
export interface WaitingGroup {
  readonly group: string;
  readonly requests: number;
  readonly bytes: number;
  readonly firstAtMs: number;
  readonly earliestDeadlineAtMs: number;
}

export interface LaneDepth {
  readonly way: Way;
  readonly priority: Priority;
  readonly waiting: number;
  readonly oldestAtMs: number;
}

export interface QueueRows {
  /** `existing`: the owner has used that idempotency key, and this is what it made. */
  add(request: NewQueuedRequest): Promise<{ readonly request: QueuedRequest; readonly existing: boolean }>;
  /** As `add`, of many in one transaction: all of them are durable, or none. In their order. */
  addAll(
    requests: readonly NewQueuedRequest[],
  ): Promise<readonly { readonly request: QueuedRequest; readonly existing: boolean }[]>;
  get(owner: Owner, id: string): Promise<QueuedRequest | undefined>;
  /** Newest first, those made before `after`. */
  list(owner: Owner, limit: number, after?: string): Promise<readonly ListedRequest[]>;
  /** False where it has ended. */
  cancel(owner: Owner, id: string, nowMs: number): Promise<boolean>;

  /** Of way `queue`, due, waiting or left by a worker whose lease has ended; the least rank first. Counts a try. */
  claim(nowMs: number, leaseMs: number, limit: number, which?: Claimable): Promise<readonly HeldRequest[]>;
  /** Returns those whose claim was lost, or that were cancelled meanwhile. */
  renew(held: readonly HeldRequest[], untilMs: number): Promise<readonly HeldRequest[]>;
  /** It waits again until then. `counted` false: nothing was called, and the claim counts as no try. */
  release(held: HeldRequest, dueAtMs: number, counted?: boolean): Promise<boolean>;
  /** False where the claim was lost, or it was cancelled meanwhile: the answer is not kept. In the order in which they are given. */
  settle(settled: readonly SettledRequest[], nowMs: number): Promise<readonly boolean[]>;
  /** When the next one can be claimed. */
  nextDueMs(): Promise<number | undefined>;
  depths(): Promise<readonly LaneDepth[]>;

  /** Of way `batch`, waiting, by group; the earliest first. At most `limit` groups. */
  groups(limit: number): Promise<readonly WaitingGroup[]>;
  /**
   * Up to `limit` of a group, the earliest first, become `gathered` under `flush`; the intent of a batch. Returns how many. Asked again for the
   * same flush, it gathers no more.
   */
  gather(group: string, flush: string, limit: number): Promise<number>;
  /**
   * By `seq` of the batch that they are to be (the order of their ids), after `afterId`. Those that were cancelled since keep their place, so that
   * what is written twice is written alike.
   */
  gathered(flush: string, afterId: string, limit: number): Promise<readonly QueuedRequest[]>;
  /** Gatherings whose batch is not known to exist: to be gone on with after a crash. */
  openFlushes(): Promise<readonly string[]>;
  /** Those of a gathering are items of that batch, `seq` counting from 1 in the order of their ids. */
  batched(flush: string, batchNo: number): Promise<number>;
  /** Those of a gathering, or of a group that was not gathered, go through the queue instead. */
  toQueue(from: { readonly flush: string } | { readonly group: string }, nowMs: number): Promise<number>;
  /** Batches with requests that have not ended here. */
  openBatches(): Promise<readonly number[]>;
  /** Requests of a batch that have not ended here, by their place in it. */
  ofBatch(batchNo: number, afterSeq: number, limit: number): Promise<readonly QueuedRequest[]>;
  /** What came of items of batches. Those that have ended stay as they are. Returns how many were settled. */
  settleBatched(
    settled: readonly {
      readonly id: string;
      readonly state: 'answered' | 'failed' | 'cancelled';
      readonly answer: QueuedAnswer;
      readonly costNanoUsd: number;
    }[],
    nowMs: number,
  ): Promise<number>;

  /** Those that have ended, have a webhook, and of whose end no delivery is kept yet; at most `limit`. */
  untold(limit: number): Promise<readonly QueuedRequest[]>;
  /** Keeps the delivery, once for a request; false where there was one. */
  tell(id: string, delivery: Delivery): Promise<boolean>;

  /** Removes those that ended before; returns how many. */
  prune(endedBeforeMs: number): Promise<number>;
}

/** What gathering requests into batches asks of the others: of the batch road, and of the dialects. */
import type { BatchState } from '../../batch/contract.ts';
import type { FinalItem } from '../../batch/shape/contract.ts';
import type { ErrorCode, GatewayError } from '../../core/errors.ts';
import type { QueuedAnswer, QueuedRequest } from '../contract.ts';

/** A batch of gathered requests, as the batch road has it now. */
export interface GatheredBatch {
  readonly state: BatchState;
  readonly dialect: string;
  readonly ended: boolean;
  /** Its requests, and how many of them have ended. */
  readonly total: number;
  readonly settled: number;
  /** Why it could not be run at all. */
  readonly problem?: { readonly code: ErrorCode; readonly message: string };
}

export interface BatchRoad {
  /** Makes a batch of what `pages` gives, once for each `flush`; its number. The first of them says whose it is, and on what terms. */
  create(
    flush: string,
    deadlineAtMs: () => number,
    first: QueuedRequest,
    pages: AsyncIterable<readonly QueuedRequest[]>,
  ): Promise<number>;
  /** Nothing where it is not there any more. */
  look(batchNo: number): Promise<GatheredBatch | undefined>;
  /** What came of those that have ended, by their place, without those that are `known`. */
  results(batchNo: number, known: (seq: number) => boolean): AsyncIterable<readonly FinalItem[]>;
  /** All of its requests have been told what came of them; nobody asks for it again. */
  forget(batchNo: number): Promise<void>;
}

/** An error as the callers of a dialect read it. */
export type RenderError = (dialect: string, error: GatewayError, requestId: string) => QueuedAnswer;

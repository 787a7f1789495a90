/** What operators hear of batches: in the log and as metrics. */
import type { Batch, Submission } from './contract.ts';

export interface BatchEvents {
  batchEnded(batch: Batch): void;
  submissionEnded(submission: Submission, sums: { readonly done: number; readonly failed: number }): void;
  /** More of a submission failed than the config allows. */
  failureRate(submission: Submission, share: number): void;
  /** A submission has run for longer than the config allows. */
  late(submission: Submission, runMs: number): void;
  /** Items came to their end without an answer. */
  deadLetters(batch: Batch, count: number): void;
}

export const silentEvents: BatchEvents = {
  batchEnded() {},
  submissionEnded() {},
  failureRate() {},
  late() {},
  deadLetters() {},
};

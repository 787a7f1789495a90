/**
 * What one batch job may hold (docs.cloud.google.com, "Batch inference with Gemini", "Claude batch predictions" and the quotas pages,
 * November 2026).
 */
import type { BatchLimits } from '../contract.ts';

const hourMs = 3_600_000;

/** 200,000 requests and 1 GB of input; a job waits up to 72 hours in Google's queue and then has 24 hours to run. */
export const geminiBatchLimits: BatchLimits = {
  mostItems: 200_000,
  // Google does not say which gigabyte; a job that is a little too small costs nothing, one that is too large is refused whole.
  mostBytes: 1_000_000_000,
  leastItems: 1,
  // Twice the item's id, and the words around it.
  envelopeBytes: 160,
  windowMs: 96 * hourMs,
};

/** Claude's requests are checked by Anthropic's own bounds, which are the narrower ones; its jobs have 24 hours. */
export const claudeBatchLimits: BatchLimits = {
  mostItems: 100_000,
  mostBytes: 256_000_000,
  leastItems: 1,
  envelopeBytes: 160,
  windowMs: 24 * hourMs,
};

/** A call about a job is answered at once; one that is not must not hold the worker. */
export const jobCallTimeoutMs = 60_000;
/** Bytes of a file or a table move at least this often. Short of it a slow line is cut; beyond it a dead one holds a worker. */
export const transferIdleMs = 120_000;
/** A gigabyte at 2 Mbit/s. */
export const transferMs = 3_600_000;
/** Google's lists give up to this many a page. */
export const jobsPerPage = 100;
/** No job of ours is further down in a list that is filtered by its label. */
export const mostPages = 20;

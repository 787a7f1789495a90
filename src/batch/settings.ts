/** How batches are worked, as the config says; durations in milliseconds. */
export interface BatchSettings {
  /** How long inputs, results and rows are kept after the end. */
  readonly keepMs: number;
  /** Answers of earlier work are used again up to this age; absent: never. */
  readonly reuseMs: number | undefined;
  /** Share of an ended submission's items that may fail before somebody is told. */
  readonly failureShare: number;
  /** A submission that has run for so long is told of. */
  readonly lateMs: number;
  /** Waits between polls; the last one goes on. */
  readonly pollMs: readonly number[];
  /** Waits before the second and the third submission of an item. */
  readonly retryMs: readonly number[];
  /** Most items of one submission, over the providers' own limits. */
  readonly mostItems: number;
  /** Sync calls of one batch at once. */
  readonly aloneAtOnce: number;
  /** And a minute, over all batches, beside the limits of targets and keys. */
  readonly alonePerMinute: number | undefined;
  /** How long after a submission may have been lost it is looked for before it is sent again; provider lists lag. */
  readonly lookAgainMs: number;
  /**
   * How long work is claimed for, renewed thrice as often. What a process held when it died is taken up after this: shorter, and one that
   * merely paused finds its work taken by another; longer, and a restart waits.
   */
  readonly leaseMs: number;
}

export const defaultBatchSettings: BatchSettings = {
  keepMs: 30 * 86_400_000,
  reuseMs: undefined,
  failureShare: 0.05,
  lateMs: 20 * 3_600_000,
  pollMs: [60_000, 120_000, 240_000, 300_000],
  retryMs: [60_000, 300_000],
  mostItems: 50_000,
  aloneAtOnce: 16,
  alonePerMinute: undefined,
  lookAgainMs: 120_000,
  leaseMs: 30_000,
};

/** What a provider said of its own limits beside an answer; neutral of whose headers said it. */

export interface LimitState {
  /** Size of the limit, per `periodMs`. */
  readonly limit?: number;
  /** What is left of it now. */
  readonly remaining?: number;
  /** Until it is full again. */
  readonly resetMs?: number;
  readonly periodMs: number;
}

/** Only what was said, and only what could be read: a header that cannot be parsed is left out. */
export interface LimitReport {
  readonly requests?: LimitState;
  /** Input and output together. */
  readonly tokens?: LimitState;
  readonly inputTokens?: LimitState;
  readonly outputTokens?: LimitState;
}

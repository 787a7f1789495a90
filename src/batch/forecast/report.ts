/** What a forecast says. Money is nano-dollars. */
import type { Expected } from './experience.ts';

export interface TargetForecast {
  readonly target: string;
  readonly items: number;
  /** 0: its items are asked one by one. */
  readonly submissions: number;
  /** How often all that its account may have enqueued at once must be worked off; 1: all of it goes at once. */
  readonly rounds: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: number;
  /** False: nobody knows its price, and it counts as nothing. */
  readonly isPriced: boolean;
}

/** What it goes by, for each route and the model that is asked first. */
export interface ExpectedOf extends Expected {
  readonly route: string;
  readonly target: string;
}

/** Each with all that stand before it. */
export interface Rung {
  readonly step: 'sync' | 'batch' | 'routing' | 'cascade' | 'rules' | 'twins' | 'cache';
  readonly nanoUsd: number;
}

/** How many of first answers the strong model is asked too. */
export interface Escalation {
  /** Of first answers. */
  readonly share: number;
  readonly from: 'ledger' | 'assumed';
  /** First answers that it is learnt from. */
  readonly answers: number;
}

/** A cascade beside its strong model alone, for the items that are sent. */
export interface CascadeForecast extends Escalation {
  readonly route: string;
  readonly first: string;
  readonly strong: string;
  /** Of all its waves. */
  readonly nanoUsd: number;
  /** Of the strong model for all of them. */
  readonly strongNanoUsd: number;
  readonly pays: boolean;
  /** The share of escalations at which both cost the same; 0: it pays at none. */
  readonly breakEven: number;
}

export interface RejectedLine {
  readonly line: number;
  readonly message: string;
}

export interface Forecast {
  readonly lines: number;
  readonly rejected: number;
  /** The first 100. */
  readonly rejectedLines: readonly RejectedLine[];
  readonly twins: number;
  readonly ruled: number;
  /** Sent, to batch APIs or alone. */
  readonly sent: number;
  readonly targets: readonly TargetForecast[];
  readonly submissions: number;
  readonly costNanoUsd: number;
  /** The dearest model that the file could be sent to, or the one that was named. */
  readonly baseline: string;
  readonly ladder: readonly Rung[];
  readonly expected: readonly ExpectedOf[];
  readonly cascades: readonly CascadeForecast[];
  readonly time: {
    readonly mode: 'batch' | 'sync';
    readonly windowMs: number;
    /** When what no batch API has answered by then is asked one by one; absent: no batch API is used. */
    readonly turnsAfterMs?: number;
    /** How long the items take that are asked one by one. */
    readonly aloneMs: number;
  };
}

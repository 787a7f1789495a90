/** A cascade: a cheap model answers first, and what is not sure enough goes on to a strong one. */
import type { Step } from '../chain/contract.ts';

/** Where the confidence in a cheap answer comes from. */
export type ConfidenceSource =
  /** A number in [0, 1] in the answer’s own JSON, at this path (`confidence`, `meta.sure`). */
  | { readonly from: 'field'; readonly field: string }
  /** The geometric mean probability of the answer’s tokens. */
  | { readonly from: 'logprobs' }
  /** Whether others say the same: a second cheap target, or further samples of the same one. The one signal that transfers between tasks. */
  | { readonly from: 'agreement'; readonly with: readonly Step[]; readonly field?: string }
  /** Another model’s opinion of the answer, in [0, 1]. */
  | { readonly from: 'judge'; readonly by: readonly Step[] };

/** When an answer is sure enough. */
export type AcceptRule =
  /** Confidence of at least this. */
  | { readonly kind: 'fixed'; readonly confidence: number }
  /** The least threshold whose regret is at most `regret` with probability 1 - `risk`, by a conformal bound over the route’s audits; `first` until there are enough. */
  | { readonly kind: 'auto'; readonly regret: number; readonly risk: number; readonly first: number }
  /** Whatever threshold holds the share of escalations, learnt online. */
  | { readonly kind: 'spend-share'; readonly share: number; readonly first: number };

export interface Cascade {
  readonly confidence: ConfidenceSource;
  readonly accept: AcceptRule;
  /** The answer must also have the form that the request asks for. */
  readonly schema: boolean;
  /** The strong targets. */
  readonly escalate: readonly Step[];
  /** Share of accepted answers that the strong model answers too, off the caller’s path. */
  readonly auditShare: number;
  /** Audits after which a raw score is calibrated. */
  readonly calibrateAfter: number;
}

/** What came of judging one cheap answer. */
export interface CascadeVerdict {
  readonly accepted: boolean;
  /** As its source gives it; absent where the source could not be read. */
  readonly raw?: number;
  /** Calibrated, where that is possible by now. */
  readonly confidence?: number;
  readonly threshold: number;
  /** Why it is not accepted. */
  readonly why?: 'confidence' | 'schema' | 'unfinished' | 'unreadable';
}

/** Labels of like confidence: what answers said of themselves, and what came true. */
export interface ReliabilityPoint {
  /** The mean of raw scores. */
  readonly raw: number;
  /** The share that said what the strong model says. */
  readonly agreed: number;
  readonly labels: number;
}

/** What a route’s cascade goes by now, and what it has learnt it from. */
export interface CascadeView {
  readonly route: string;
  /** Infinite: nothing is sure enough. */
  readonly threshold: number;
  /** Answers since this process began. */
  readonly accepted: number;
  readonly escalated: number;
  /** Of those that are looked at. */
  readonly labels: number;
  /** Of audited answers, the share that said what the strong model says. */
  readonly agreement?: number;
  /** The reliability curve, where scores are calibrated. */
  readonly points?: readonly ReliabilityPoint[];
  /** Of the calibration, on labels that it has not seen. */
  readonly error?: number;
  /** What a cheap answer and its judging cost on average, and a strong one. */
  readonly cheapNanoUsd?: number;
  readonly strongNanoUsd?: number;
}

/**
 * Limits learnt from providers. What a provider says is left lowers our own view of it, since others may use the same account; a
 * limit that the config does not name is taken from the answer. Where a throttle comes without a word on what is left, nothing is.
 */
import type { LimitReport, LimitState } from '../core/limit-report.ts';
import type { Limits } from '../limits/contract.ts';
import type { LimitSet, Measure, Meter, Target } from './chain/contract.ts';

/** Clients may name targets themselves; far more than any config has. */
const mostTargets = 4096;
/** As in the config. */
const headroom = 0.7;

const parts: readonly (readonly [keyof LimitReport, Measure])[] = [
  ['requests', 'requests'],
  ['tokens', 'tokens'],
  ['inputTokens', 'input'],
  ['outputTokens', 'output'],
];

export class Learning {
  readonly #limits: Limits;
  readonly #learnt = new Map<string, Map<Measure, Meter>>();
  readonly #sets = new Map<string, LimitSet>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** What is configured for the target, and what was learnt beyond it. */
  limitsOf(target: Target): LimitSet {
    return this.#sets.get(target.name) ?? target.limits;
  }

  /** `sinceMs`: the request was sent so long ago, and what is left was counted at some time between then and now. */
  report(target: Target, report: LimitReport, sinceMs: number): void {
    for (const [key, measure] of parts) {
      const state = report[key];
      if (state !== undefined) this.#one(target, measure, state, sinceMs);
    }
  }

  #one(target: Target, measure: Measure, state: LimitState, sinceMs: number): void {
    const configured = target.limits.meters.find(
      (meter) => meter.measure === measure && meter.bucket.periodMs === state.periodMs,
    );
    const meter = configured ?? this.#learn(target, measure, state);
    if (meter === undefined || state.remaining === undefined) return;
    const { limit, periodMs } = meter.bucket;
    // The latest that it may have been counted is the most that may be left.
    this.#limits.correct(meter.bucket, state.remaining + (limit * Math.max(0, sinceMs)) / periodMs);
  }

  #learn(target: Target, measure: Measure, { limit, periodMs }: LimitState): Meter | undefined {
    if (limit === undefined || !Number.isSafeInteger(limit * periodMs) || limit < 1) return undefined;
    const known = this.#learnt.get(target.name);
    const before = known?.get(measure);
    if (before !== undefined && before.bucket.limit === limit && before.bucket.periodMs === periodMs)
      return before;
    // A level is counted in parts of its period: under another it would be another number.
    const key = `${target.provider}/${target.model.id} learnt ${measure}/${periodMs}`;
    const meter: Meter = { bucket: { key, limit, periodMs, burst: limit }, measure, headroom };
    const meters = known ?? new Map<Measure, Meter>();
    meters.set(measure, meter);
    if (known === undefined) this.#makeRoom();
    this.#learnt.set(target.name, meters);
    this.#sets.set(target.name, {
      meters: [...target.limits.meters, ...meters.values()],
      places: target.limits.places,
    });
    return meter;
  }

  /** Refused for going too fast, and nothing was said of what is left. */
  throttled(target: Target): void {
    for (const { bucket } of this.limitsOf(target).meters) this.#limits.correct(bucket, 0);
  }

  #makeRoom(): void {
    const oldest = this.#learnt.size >= mostTargets ? this.#learnt.keys().next().value : undefined;
    if (oldest === undefined) return;
    this.#learnt.delete(oldest);
    this.#sets.delete(oldest);
  }
}

/** What a walk remembers: what was tried, which targets are out of the question, and how much time is left. */
import type { Clock, Random } from '../core/clock.ts';
import { errorKinds, GatewayError } from '../core/errors.ts';
import type { Outcome } from './attempt.ts';
import type { Target } from './chain/contract.ts';
import type { AttemptRecord, Call, Route, Sink } from './contract.ts';
import type { Decision, World } from './decide.ts';
import type { Decided } from './decisions.ts';
import type { Admitted } from './gate.ts';
import type { Health } from './health.ts';
import type { Line } from './line.ts';
import { noneFits } from './none-fits.ts';
import type { Refused } from './refusal.ts';

export interface WalkWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  /** What deciding goes by; absent: health alone. */
  readonly sight?: World;
  /** Where requests wait for what others hold. */
  readonly line: Line;
  /** Hears every attempt as it ends; for logs, alarms, metrics and the ledger. */
  readonly observe: (
    call: Call,
    route: Route,
    target: Target,
    record: AttemptRecord,
    error: GatewayError | undefined,
  ) => void;
  /** Hears of each request as it is over. */
  readonly ended?: (call: Call, result: WalkResult) => void;
}

/** How a walk ends. */
export type WalkResult =
  | {
      readonly kind: 'served' | 'cut' | 'client-closed';
      readonly tried: readonly AttemptRecord[];
      readonly decided: Decided | undefined;
    }
  /** Nothing reached the caller: tell it this. */
  | {
      readonly kind: 'failed';
      readonly error: GatewayError;
      readonly tried: readonly AttemptRecord[];
      readonly decided: Decided | undefined;
      readonly decision: Decision;
    };

/** Ends the walk, moves on, or tries the same target once more. */
type Next = 'stop' | 'next' | 'again';

export class Progress {
  readonly world: WalkWorld;
  readonly tried: AttemptRecord[] = [];
  readonly #call: Call;
  readonly #route: Route;
  /** Targets that will not be asked again for this request. */
  readonly #refused = new Set<string>();
  #first: GatewayError | undefined;
  #refusal: GatewayError | undefined;
  #failures = 0;
  /** A window this large was too small. */
  #tooSmall = 0;
  #decided: Decided | undefined;

  constructor(world: WalkWorld, call: Call, route: Route) {
    this.world = world;
    this.#call = call;
    this.#route = route;
  }

  mayTry(target: Target): boolean {
    if (this.#refused.has(target.name) || this.remainingMs() <= 0) return false;
    return this.#tooSmall === 0 || (target.model.contextTokens ?? 0) > this.#tooSmall;
  }

  remainingMs(): number {
    const budgetMs = Math.min(this.#route.budgetMs, this.#call.budgetMs ?? Number.POSITIVE_INFINITY);
    return this.#call.startedAtMs + budgetMs - this.world.clock.now();
  }

  /** Each round decides anew. What is remembered is the first, which is why the request went where it went, and the last. */
  decide(decision: Decision): void {
    const { first, rounds } = this.#decided ?? { first: decision, rounds: 0 };
    this.#decided = { first, last: decision, rounds: rounds + 1 };
  }

  ended(kind: 'served' | 'cut' | 'client-closed'): WalkResult {
    return { kind, tried: this.tried, decided: this.#decided };
  }

  /** Attempts that were made and failed. */
  get failures(): number {
    return this.#failures;
  }

  /** The gate did not let an attempt begin. */
  refused(target: Target, { error, step }: Refused): void {
    this.#refusal ??= error;
    if (step === 'skip') this.#refused.add(target.name);
    const told = this.tried.some((one) => one.outcome === 'refused' && one.target === target.name);
    if (told) return;
    const { code, message: detail } = error;
    this.tried.push({ target: target.name, outcome: 'refused', code, durationMs: 0, detail });
  }

  record(target: Target, outcome: Outcome, startedMs: number, admitted: Admitted): void {
    const error = outcome.kind === 'failed' || outcome.kind === 'cut' ? outcome.error : undefined;
    const { usage } = outcome;
    const status = error?.upstream?.status;
    const durationMs = this.world.clock.now() - startedMs;
    const record: AttemptRecord = {
      id: admitted.id,
      target: target.name,
      outcome: outcome.kind,
      durationMs,
      spent: admitted.settle(outcome, durationMs),
      ...(error === undefined ? {} : { code: error.code }),
      ...(status === undefined ? {} : { status }),
      ...(usage === undefined ? {} : { usage }),
      ...('firstMs' in outcome ? { firstMs: outcome.firstMs } : {}),
    };
    this.tried.push(record);
    this.#judge(target, outcome, error);
    this.world.observe(this.#call, this.#route, target, record, error);
  }

  /** What an outcome says about the target's health. */
  #judge(target: Target, outcome: Outcome, error: GatewayError | undefined): void {
    const { health } = this.world;
    if (outcome.kind === 'client-closed') health.released(target.name);
    else if (error === undefined) health.succeeded(target.name);
    else if (error.code === 'rate_limited')
      health.throttled(target.name, error.retryAfterMs, this.#route.retry.retryAfterCapMs);
    else if (error.code === 'quota_exhausted' || error.code === 'upstream_auth') {
      // Not an outage, and nothing that a second attempt would mend: leave it alone for a while.
      health.throttled(target.name, this.#route.retry.retryAfterCapMs, this.#route.retry.retryAfterCapMs);
    } else if (errorKinds[error.code].fault === 'provider') health.failed(target.name);
    // It answered, if only to refuse: the target is alive. Our own defects say nothing about it.
    else if (error.upstream !== undefined) health.succeeded(target.name);
    else health.released(target.name);
  }

  afterFailure(target: Target, error: GatewayError, again: number): Next {
    this.#failures += 1;
    const primary = this.#first === undefined;
    this.#first ??= error;
    if (error.code === 'context_too_long') {
      this.#tooSmall = Math.max(this.#tooSmall, target.model.contextTokens ?? Number.POSITIVE_INFINITY);
      return 'next';
    }
    if (error.code === 'content_blocked' && this.#route.onContentFilter === 'next') return this.skip(target);
    // Refused before it was sent: this target cannot carry the request, another may.
    if (error.upstream === undefined && error.code === 'unsupported') return this.skip(target);
    switch (error.retry) {
      case 'never':
        return primary || error.code === 'content_blocked' ? 'stop' : this.skip(target);
      case 'same':
        return again < this.#route.retry.sameTarget ? 'again' : 'next';
      case 'other':
      case 'later':
        if (!this.#mayHelpLater(error)) this.#refused.add(target.name);
        return 'next';
    }
  }

  /** Credentials and quota do not mend themselves; a provider that asks for more than the cap is not worth this caller's wait. */
  #mayHelpLater(error: GatewayError): boolean {
    if (error.code === 'quota_exhausted' || error.code === 'upstream_auth') return false;
    // What is wrong with the request stays wrong at this target.
    if (errorKinds[error.code].fault === 'caller') return false;
    return (error.retryAfterMs ?? 0) <= this.#route.retry.retryAfterCapMs;
  }

  /** It will not be asked again for this request. */
  skip(target: Target): Next {
    this.#refused.add(target.name);
    return 'next';
  }

  jitterMs(round: number): number {
    const { baseMs, capMs } = this.#route.retry;
    return this.world.random() * Math.min(capMs, baseMs * 2 ** Math.min(round, 20));
  }

  /** How long until another round is worth it; `undefined` when none is. */
  waitMs(decision: Decision, round: number): number | undefined {
    const now = this.world.clock.now();
    let soonest: number | undefined;
    for (const target of this.#waitable(decision)) {
      if (!this.mayTry(target)) continue;
      const ready = Math.max(0, this.world.health.view(target.name).untilMs - now);
      if (soonest === undefined || ready < soonest) soonest = ready;
    }
    if (soonest === undefined) return undefined;
    // Jitter on top of a known wait, so that everybody who was told the same second does not return in it together.
    return soonest + this.jitterMs(round);
  }

  *#waitable(decision: Decision): Iterable<Target> {
    yield* decision.candidates;
    for (const { target, reason } of decision.passed) if (reason.kind === 'unhealthy') yield target;
  }

  /** Waits; false when the budget does not allow it or the caller has gone. */
  async pause(ms: number, sink: Sink): Promise<boolean> {
    if (sink.closed || ms >= this.remainingMs()) return false;
    if (ms === 0) return true;
    await new Promise<void>((resolve) => {
      const cancel = this.world.clock.after(ms, done);
      const forget = sink.onClose(done);
      function done(): void {
        cancel();
        forget();
        resolve();
      }
    });
    return !sink.closed;
  }

  /** What the caller is told: the error that ended the walk, else the first one, never hidden by a later. */
  failed(ending: GatewayError | undefined, decision: Decision): WalkResult {
    const error = this.#ending(ending) ?? this.#first ?? this.#refusal ?? this.#nothingToTry(decision);
    return {
      kind: 'failed',
      error: this.#withHint(error, decision),
      tried: this.tried,
      decided: this.#decided,
      decision,
    };
  }

  /** That there was no room is less than what went wrong before. */
  #ending(ending: GatewayError | undefined): GatewayError | undefined {
    return ending?.code === 'no_room' ? (this.#first ?? ending) : ending;
  }

  /** A throttle always tells the caller when to come back: what the provider said, else how long we leave it alone. */
  #withHint(error: GatewayError, decision: Decision): GatewayError {
    if (error.code !== 'rate_limited' || error.retryAfterMs !== undefined) return error;
    const now = this.world.clock.now();
    const waits = [...this.#waitable(decision)].map(
      (target) => this.world.health.view(target.name).untilMs - now,
    );
    const retryAfterMs = Math.max(1000, Math.min(...waits));
    const { upstream } = error;
    return new GatewayError(error.code, error.message, {
      retryAfterMs,
      cause: error,
      ...(upstream === undefined ? {} : { upstream }),
    });
  }

  #nothingToTry(decision: Decision): GatewayError {
    const now = this.world.clock.now();
    const waits = decision.passed.flatMap(({ reason }) =>
      reason.kind === 'unhealthy' ? [reason.view.untilMs - now] : [],
    );
    if (waits.length > 0) {
      const retryAfterMs = Math.max(1000, Math.min(...waits));
      return new GatewayError('no_candidate', `No target of route "${this.#route.name}" is available now.`, {
        retryAfterMs,
      });
    }
    return noneFits(this.#route, decision);
  }
}

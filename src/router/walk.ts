/**
 * Walks a route's chain until a target has answered, the caller has gone, or nothing is left to try.
 *
 * A round tries each candidate once, best first. A target that has no room, or for which no money is free, is passed over; when
 * nobody else has answered, the request waits for the first of them, in a line where there is one. What helps decides what
 * happens after a failure: an error of kind `other` or `later` moves on at once; `same` is tried again on the spot if the route
 * says so, else moves on; `never` is the caller's own and ends the walk, unless it came from a fallback after another target had
 * failed for its own reasons: then that target is skipped, and the first error is what the caller sees. Between rounds it waits:
 * full jitter, or until the first target is ready again, always within the request's time budget.
 */
import { asGatewayError } from '../core/errors.ts';
import type { Outcome } from './attempt.ts';
import type { Target } from './chain/contract.ts';
import type { AttemptRecord, Call, Route, Sink } from './contract.ts';
import { type Decision, decide } from './decide.ts';
import type { Pass } from './gate.ts';
import { Progress, type WalkResult, type WalkWorld } from './progress.ts';
import { type Refused, tooLate } from './refusal.ts';

export type TryTarget = (
  target: Target,
  tried: readonly AttemptRecord[],
  remainingMs: number,
  attemptId: string,
) => Promise<Outcome>;

/** What came of one target. `next`: nothing, go on. */
type Stop =
  | { readonly kind: 'done'; readonly result: WalkResult }
  | { readonly kind: 'blocked'; readonly blocked: Blocked }
  | { readonly kind: 'next' };

/** A target that would serve, but not yet. */
interface Blocked {
  readonly target: Target;
  readonly refused: Refused;
}

const next: Stop = { kind: 'next' };

/** How often a request in line asks by itself, should nobody in this process give anything back. */
const askAgainMs = 250;

/** A turn is for its moment. Later than a busy process wakes from a pause, sooner than what others were granted meanwhile adds up. */
const mostLateMs = 1_000;

interface Walking {
  readonly world: WalkWorld;
  readonly sink: Sink;
  readonly pass: Pass;
  readonly tryTarget: TryTarget;
  readonly progress: Progress;
}

export async function walk(
  world: WalkWorld,
  call: Call,
  route: Route,
  sink: Sink,
  pass: Pass,
  tryTarget: TryTarget,
): Promise<WalkResult> {
  const progress = new Progress(world, call, route);
  const walking: Walking = { world, sink, pass, tryTarget, progress };
  const result = await rounds(walking, call, route);
  world.ended?.(call, result);
  return result;
}

async function rounds(walking: Walking, call: Call, route: Route): Promise<WalkResult> {
  const { world, sink, progress } = walking;
  for (let round = 0; ; ) {
    const decision = decide(call, route, world.sight ?? world.health);
    progress.decide(decision);
    const before = progress.failures;
    const blocked: Blocked[] = [];
    // With nobody else to ask, a place in the line is as good as it gets.
    const patient = decision.candidates.length === 1;
    for (const target of decision.candidates) {
      const stop = await visit(walking, target, patient, decision);
      if (stop.kind === 'done') return stop.result;
      if (stop.kind === 'blocked') blocked.push(stop.blocked);
    }
    if (blocked.length > 0) {
      const stop = await waitForRoom(walking, blocked, patient, decision);
      if (stop.kind === 'done') return stop.result;
      if (progress.failures === before) continue;
    }
    round += 1;
    const waitMs = round < route.retry.rounds ? progress.waitMs(decision, round - 1) : undefined;
    if (waitMs === undefined || !(await progress.pause(waitMs, sink))) {
      if (sink.closed) return progress.ended('client-closed');
      return progress.failed(undefined, decision);
    }
  }
}

/** One target, with its tries on the spot. */
async function visit(walking: Walking, target: Target, patient: boolean, decision: Decision): Promise<Stop> {
  const { world, sink, pass, progress, tryTarget } = walking;
  if (!progress.mayTry(target) || !world.health.take(target.name)) return next;
  for (let again = 0; ; ) {
    const askedMs = world.clock.now();
    const asked = pass.admit(target, patient ? progress.remainingMs() : 0);
    const admission = asked instanceof Promise ? await asked : asked;
    if (!admission.ok) {
      world.health.released(target.name);
      progress.refused(target, admission);
      switch (admission.step) {
        case 'stop':
          if (isBacked(target, decision)) return next;
          return { kind: 'done', result: progress.failed(admission.error, decision) };
        case 'skip':
          return next;
        case 'wait':
          return { kind: 'blocked', blocked: { target, refused: admission } };
      }
    }
    if (admission.waitMs > 0 && !(await progress.pause(admission.waitMs, sink))) {
      admission.settle('unsent', 0);
      world.health.released(target.name);
      return sink.closed
        ? clientClosed(progress)
        : { kind: 'done', result: progress.failed(tooLate(target, admission.waitMs), decision) };
    }
    const startedMs = world.clock.now();
    // The process slept past its turn, which the provider knows nothing of any more: it asks for another.
    if (startedMs > askedMs + admission.waitMs + mostLateMs && progress.remainingMs() > 0) {
      admission.settle('unsent', 0);
      continue;
    }
    let outcome: Outcome;
    try {
      outcome = await tryTarget(target, progress.tried, progress.remainingMs(), admission.id);
    } catch (thrown) {
      outcome = { kind: 'failed', error: asGatewayError(thrown) };
    }
    progress.record(target, outcome, startedMs, admission);
    if (outcome.kind !== 'failed') return { kind: 'done', result: progress.ended(outcome.kind) };
    if (sink.closed) return clientClosed(progress);
    const step = progress.afterFailure(target, outcome.error, again);
    // A filter's refusal is not taken elsewhere unless the route says so, canary or not.
    if (step === 'stop' && outcome.error.code !== 'content_blocked' && isBacked(target, decision)) {
      progress.skip(target);
      return next;
    }
    if (step === 'stop') return { kind: 'done', result: progress.failed(outcome.error, decision) };
    if (step === 'next') return next;
    if (!(await progress.pause(progress.jitterMs(again), sink)))
      return { kind: 'done', result: progress.failed(outcome.error, decision) };
    if (!world.health.take(target.name)) return next;
    again += 1;
  }
}

/** Of a canary, with the usual chain behind it: what only the new target finds wrong with a request is no reason to refuse it. */
function isBacked({ name }: Target, { arm, route, candidates }: Decision): boolean {
  if (arm !== 'canary') return false;
  const own = route.canary?.chain.flatMap(({ options }) => options.map(({ target }) => target.name)) ?? [];
  return own.includes(name) && candidates.some((one) => !own.includes(one.name));
}

/** Nobody has answered, and some targets only lack room: waits for the first of them. `next`: look again. */
async function waitForRoom(
  walking: Walking,
  blocked: readonly Blocked[],
  asked: boolean,
  decision: Decision,
): Promise<Stop> {
  const { world, sink, progress } = walking;
  const soonest = blocked.reduce((best, one) => (waitOf(one) < waitOf(best) ? one : best));
  if (!asked && soonest.refused.waitMs !== undefined) {
    const stop = await visit(walking, soonest.target, true, decision);
    if (stop.kind !== 'blocked') return stop;
  }
  const waitMs = Math.max(1, Math.min(waitOf(soonest), askAgainMs)) * (1 + world.random() / 4);
  const whole = Math.max(waitMs, soonest.refused.waitMs ?? 0);
  const { error } = soonest.refused;
  if (sink.closed) return clientClosed(progress);
  if (whole >= progress.remainingMs()) {
    // Money may come back until the last moment; room that comes too late is of no use, and the caller is told when it comes.
    if (soonest.refused.waitMs !== undefined || progress.remainingMs() <= 1)
      return { kind: 'done', result: progress.failed(error, decision) };
  }
  const waited = await world.line.wait(Math.min(waitMs, Math.max(1, progress.remainingMs())), sink);
  if (sink.closed) return clientClosed(progress);
  if (!waited || progress.remainingMs() <= 0)
    return { kind: 'done', result: progress.failed(error, decision) };
  return next;
}

const clientClosed = (progress: Progress): Stop => ({
  kind: 'done',
  result: progress.ended('client-closed'),
});

const waitOf = ({ refused }: Blocked): number => refused.waitMs ?? askAgainMs;

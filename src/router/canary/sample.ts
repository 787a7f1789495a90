/** What one request says of its arm, once it is over. */
import { errorKinds } from '../../core/errors.ts';
import { parseTarget } from '../../core/target.ts';
import type { AttemptRecord } from '../contract.ts';
import type { WalkResult } from '../progress.ts';
import type { Sample } from './figures.ts';

/**
 * A request failed its arm where a provider of it failed, throttles included, or where others than the arm’s own targets served: the usual
 * chain behind a canary hides its failures from callers, not from its gates. What is the caller’s own fault says nothing.
 */
export function sampleOf(result: WalkResult): Sample | undefined {
  const { tried, decided } = result;
  if (decided === undefined) return undefined;
  const { route, arm, candidates, passed } = decided.first;
  const { canary } = route;
  if (canary === undefined || arm === undefined) return undefined;
  const own = new Set(canary.chain.flatMap(({ options }) => options.map(({ target }) => target.name)));
  const isOwn = (target: string): boolean => arm === 'usual' || own.has(target);
  if (arm === 'canary') {
    // It could not carry the request at all, which says nothing of how well it does.
    const unwell = passed.some(({ target, reason }) => reason.kind === 'unhealthy' && own.has(target.name));
    if (!unwell && !candidates.some(({ name }) => own.has(name))) return undefined;
  }
  const made = tried.filter(({ outcome }) => outcome !== 'refused');
  // Our own limits or the caller’s budgets let nothing begin.
  if (made.length === 0) return undefined;
  let durationMs = 0;
  for (const attempt of made) durationMs += attempt.durationMs;
  switch (result.kind) {
    case 'client-closed':
      // Perhaps since it took too long: it would have taken no less.
      return { arm, durationMs };
    case 'cut':
      return { arm, failed: true };
    case 'failed':
      return isCallers(result.error.code) ? undefined : { arm, failed: true };
    case 'served': {
      const server = made.at(-1)?.target ?? '';
      if (!isOwn(server) || made.some(isProviders)) return { arm, failed: true };
      const cost = costOf(made);
      return { arm, failed: false, durationMs, ...(cost === undefined ? {} : { costNanoUsd: cost }) };
    }
  }
}

/** A flex tier that has no room right now is in the bargain. */
function isProviders({ outcome, code, target }: AttemptRecord): boolean {
  const full = code === 'rate_limited' || code === 'upstream_overloaded';
  if (full && parseTarget(target)?.mode === 'flex') return false;
  return outcome === 'failed' && code !== undefined && !isCallers(code);
}

/** A filter's refusal is the caller’s fault; that one model refuses more than the other is not. */
function isCallers(code: keyof typeof errorKinds): boolean {
  if (code === 'content_blocked') return false;
  const { fault } = errorKinds[code];
  return fault === 'caller' || fault === 'policy';
}

function costOf(made: readonly AttemptRecord[]): number | undefined {
  let sum = 0;
  for (const { spent } of made) {
    if (spent === undefined || !spent.exact) return undefined;
    sum += spent.costNanoUsd;
  }
  return sum;
}

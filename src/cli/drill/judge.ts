/** Which promises a drill held: each is looked at with every answer and every minute, and what broke one is kept, some of it. */
import { type ErrorCode, errorKinds } from '../../core/errors.ts';
import { decimalDollars } from '../../core/price.ts';
import type { Target } from '../../router/chain/contract.ts';
import type { BreakerPolicy, BudgetRule } from '../../router/contract.ts';
import type { DecisionRecord } from '../../router/decisions.ts';
import type { Seen } from './ask.ts';
import { type Happening, means } from './script.ts';

export const promises = {
  outage: 'While any target of a chain is healthy and has room, callers see no provider error',
  budget: 'Hard budgets are never passed',
  limits: 'No request leaves that a configured limit forbids',
  answered: 'Every caller is answered',
} as const;
export type PromiseName = keyof typeof promises;

export interface Verdict {
  readonly promise: PromiseName;
  readonly text: string;
  readonly held: boolean;
  readonly broken: number;
  /** The first of what broke it. */
  readonly because: readonly string[];
}

const mostReasons = 5;

export interface JudgeInput {
  readonly happenings: readonly Happening[];
  readonly breaker: BreakerPolicy;
  /** For as long a target may be left alone after a throttle. */
  readonly retryAfterCapMs: number;
  readonly startMs: number;
}

export class Judge {
  readonly #input: JudgeInput;
  readonly #broken = new Map<PromiseName, { count: number; readonly because: string[] }>();

  constructor(input: JudgeInput) {
    this.#input = input;
  }

  /** A caller that was not answered. `record`: why, as the gateway says it. */
  failed(seen: Seen, record: DecisionRecord | undefined): void {
    if (seen.status === 0)
      this.#breaks('answered', `${this.#minute(seen.atMs)}: ${seen.route} had no answer`);
    const code = record?.code;
    if (record?.decided === undefined || !isErrorCode(code) || !blamesProviders(code)) return;
    const { candidates, passed } = record.decided.first;
    const able = [
      ...candidates,
      ...passed.flatMap(({ target, reason }) => (reason.kind === 'unhealthy' ? [target] : [])),
    ];
    const well = able.find((target) => this.#isWell(target, seen) && !lacksRoom(target, record));
    if (well !== undefined)
      this.#breaks(
        'outage',
        `${this.#minute(seen.atMs)}: ${seen.route} was told ${code} while ${well.name} was well (decision ${record.id})`,
      );
  }

  budget(rule: BudgetRule, key: string, usedNanoUsd: number, atMs: number): void {
    if (!rule.hard || usedNanoUsd <= rule.capNanoUsd) return;
    const [used, cap] = [decimalDollars(usedNanoUsd), decimalDollars(rule.capNanoUsd)];
    this.#breaks('budget', `${this.#minute(atMs)}: ${key} used $${used} of $${cap}`);
  }

  overLimit(count: number, atMs: number): void {
    for (let index = 0; index < count; index++)
      this.#breaks(
        'limits',
        `${this.#minute(atMs)}: a provider refused a call that was over its configured limit`,
      );
  }

  verdicts(): readonly Verdict[] {
    return Object.entries(promises).flatMap(([name, text]) => {
      const promise = isPromise(name) ? name : undefined;
      if (promise === undefined) return [];
      const broken = this.#broken.get(promise);
      return [
        {
          promise,
          text,
          held: broken === undefined,
          broken: broken?.count ?? 0,
          because: broken?.because ?? [],
        },
      ];
    });
  }

  /** By the script, from long enough before the request that the gateway could know, to its end. */
  #isWell({ provider, model }: Target, { atMs, endedAtMs }: Seen): boolean {
    const { happenings, breaker, retryAfterCapMs, startMs } = this.#input;
    const fromMs = atMs - startMs - Math.max(breaker.openCapMs, retryAfterCapMs) - breaker.windowMs;
    return !happenings.some(
      (one) =>
        one.kind !== 'budget-end' &&
        means(one.of, provider, model.id) &&
        one.atMs <= endedAtMs - startMs &&
        one.untilMs >= fromMs,
    );
  }

  #breaks(promise: PromiseName, because: string): void {
    const broken = this.#broken.get(promise) ?? { count: 0, because: [] };
    broken.count += 1;
    if (broken.because.length < mostReasons) broken.because.push(because);
    this.#broken.set(promise, broken);
  }

  #minute(atMs: number): string {
    return `minute ${Math.floor((atMs - this.#input.startMs) / 60_000) + 1}`;
  }
}

const isErrorCode = (code: string | undefined): code is ErrorCode =>
  code !== undefined && Object.hasOwn(errorKinds, code);

const isPromise = (name: string): name is PromiseName => Object.hasOwn(promises, name);

/** That nobody can be asked now is what an outage looks like, whoever says it. */
const blamesProviders = (code: ErrorCode): boolean =>
  errorKinds[code].fault === 'provider' || code === 'no_candidate';

function lacksRoom({ name }: Target, { tried }: DecisionRecord): boolean {
  return tried.some(({ target, outcome }) => target === name && outcome === 'refused');
}

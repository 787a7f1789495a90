/**
 * The gate that every attempt passes: sets aside what it may use of every limit and budget before it begins, and settles what it
 * did use. How much that is say `needs.ts` and `billing.ts`; whether there is as much, the limits.
 */
import type { Calibration } from '../catalog/calibration.ts';
import type { Clock } from '../core/clock.ts';
import type { Usage } from '../core/usage.ts';
import type { Demand, Granted, Limits, SlotTake, Take, Verdict } from '../limits/contract.ts';
import { type Billing, billFor, billingOf, type Ending } from './billing.ts';
import { type BudgetAlerts, chargeOf, type Due, dueOf } from './budgets.ts';
import type { LimitSet, Meter, Places, Target } from './chain/contract.ts';
import type { Call, Policy, Route, Spent } from './contract.ts';
import { type EndedAttempt, entryOf } from './entry.ts';
import type { Learning } from './learning.ts';
import { amountOf, type Needs, needsOf } from './needs.ts';
import { type Refused, readRefusal, unknownPrice, unwritten } from './refusal.ts';

export interface GateWorld {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly estimates: Calibration;
  readonly learning: Learning;
  readonly alerts: BudgetAlerts;
}

/** What normal work leaves to urgent work, as a share of a bucket: enough to pass a line that stands. */
const normalFloor = 0.02;
/** How far ahead of its time a place in the line is promised. Whoever would wait longer asks again, so that urgent work need not queue behind it. */
const longestTicketMs = { high: 30_000, normal: 5_000, low: 0 } as const;

export interface Admitted {
  readonly ok: true;
  /** Of the attempt. */
  readonly id: string;
  /** Begin no earlier than this. */
  readonly waitMs: number;
  /** Once, whatever comes of it. */
  settle(ending: Ending, durationMs: number): Spent;
}

export type Admission = Admitted | Refused;

const free: Spent = { costNanoUsd: 0, listNanoUsd: 0, exact: true };

/** Of a request that asks more than one chain, or the same at once: what tells this pass from the others. */
export interface PassPart {
  /** Tells its attempts apart. Short, without a dot. */
  readonly name: string;
  /** The request has been counted against its key by another pass of it. */
  readonly counted: boolean;
}

/** One request's way through the gate: its attempts, one after another. */
export class Pass {
  readonly #world: GateWorld;
  readonly #call: Call;
  readonly #route: Route;
  readonly #policy: Policy;
  readonly #name: string;
  /** A request counts once against its key, however many targets it takes. */
  #counted: boolean;
  #attempts = 0;

  constructor(world: GateWorld, call: Call, route: Route, policy: Policy, part?: PassPart) {
    this.#world = world;
    this.#call = call;
    this.#route = route;
    this.#policy = policy;
    this.#name = part === undefined ? call.id : `${call.id}.${part.name}`;
    this.#counted = part?.counted === true;
  }

  /** `patienceMs`: how long the request would wait for its turn. */
  admit(target: Target, patienceMs: number): Admission | Promise<Admission> {
    const call = this.#call;
    // Counting is free everywhere, and has limits of its own that nobody tells.
    if (call.facts.operation === 'count-tokens')
      return { ok: true, id: call.id, waitMs: 0, settle: () => free };
    const { clock, learning, limits, estimates } = this.#world;
    const nowMs = clock.now();
    const due = dueOf(call, this.#route, target, this.#policy, nowMs);
    if (target.price === undefined && (this.#route.knownPrices || due.some(({ rule }) => rule.hard)))
      return unknownPrice({ target, due, nowMs, route: this.#route, caller: call.caller });
    const needs = needsOf(call, this.#route, target, estimates);
    const attempt = new Attempted(target, needs, due, learning.limitsOf(target), call.caller?.limits);
    const demand = this.#demand(attempt, patienceMs);
    const { takes, slots, charges } = demand;
    // Nothing that anybody counts: no reason to ask, least of all over a network.
    if (takes.length + slots.length + charges.length === 0) return this.#answer(unlimited, attempt, demand);
    const verdict = limits.reserve(demand);
    return verdict instanceof Promise
      ? verdict.then((answer) => this.#answer(answer, attempt, demand), unwritten)
      : this.#answer(verdict, attempt, demand);
  }

  /** For an answer that is at hand: it counts against its key’s requests, and nobody else’s limits or money. `undefined`: go on. */
  admitKept(target: Target): Refused | undefined | Promise<Refused | undefined> {
    const { caller, id } = this.#call;
    const takes = (caller?.limits.meters ?? [])
      .filter(({ measure }) => measure === 'requests')
      .map(({ bucket }): Take => ({ bucket, amount: 1, floor: 0, mayWait: false }));
    if (takes.length === 0) return undefined;
    const { limits } = this.#world;
    const verdict = limits.reserve({ id: `${id}.kept`, takes, slots: [], charges: noCharges, maxWaitMs: 0 });
    const read = (answer: Verdict): Refused | undefined => {
      if (answer.ok) {
        answer.reservation.settle(
          takes.map(({ amount }) => amount),
          0,
        );
        return undefined;
      }
      const nowMs = this.#world.clock.now();
      return readRefusal(answer, { target, due: [], nowMs, route: this.#route, caller });
    };
    return verdict instanceof Promise ? verdict.then(read, unwritten) : read(verdict);
  }

  #demand(attempt: Attempted, patienceMs: number): Demand {
    const { target, needs, due } = attempt;
    const { priority } = this.#call;
    const attemptId = `${this.#name}.${this.#attempts}`;
    const takes: Take[] = [];
    const slots: SlotTake[] = [];
    for (const meter of attempt.ofTarget.meters) {
      const amount = amountOf(meter.measure, needs.input, needs.output);
      takes.push({ bucket: meter.bucket, amount, floor: this.#floor(meter, amount), mayWait: true });
    }
    for (const place of attempt.ofTarget.places)
      slots.push({ key: place.key, limit: this.#places(place), amount: 1 });
    if (attempt.ofCaller !== undefined) {
      for (const { bucket, measure } of attempt.ofCaller.meters) {
        const counted = this.#counted && measure === 'requests';
        const amount = counted ? 0 : amountOf(measure, needs.input, needs.output);
        takes.push({ bucket, amount, floor: 0, mayWait: false });
      }
      for (const { key, limit } of attempt.ofCaller.places) slots.push({ key, limit, amount: 1 });
    }
    return {
      id: attemptId,
      takes,
      slots,
      charges: due.length === 0 ? noCharges : due.map((one) => chargeOf(one, needs.worstNanoUsd)),
      maxWaitMs: Math.min(patienceMs, longestTicketMs[priority]),
      note: () => this.#openEntry(attemptId, target, needs),
    };
  }

  /** What must be left: nothing by urgent work, the headroom by work that can wait. Never so much that the request could not fit at all. */
  #floor({ bucket, headroom }: Meter, amount: number): number {
    const { priority } = this.#call;
    if (priority === 'high') return 0;
    const share = priority === 'low' ? 1 - headroom : normalFloor;
    // 1 - 0.7 is a little more than 0.3, and would keep a whole token more.
    const floor = Math.ceil(bucket.burst * share - 1e-6);
    return Math.max(0, Math.min(floor, bucket.burst - amount));
  }

  /** One at least, or the work would never be done. */
  #places({ limit, headroom = 1 }: Places): number {
    return this.#call.priority === 'low' ? Math.max(1, Math.floor(limit * headroom + 1e-6)) : limit;
  }

  #answer(verdict: Verdict, attempt: Attempted, demand: Demand): Admission {
    if (!verdict.ok) {
      const { target, due } = attempt;
      const nowMs = this.#world.clock.now();
      return readRefusal(verdict, { target, due, nowMs, route: this.#route, caller: this.#call.caller });
    }
    this.#counted = true;
    this.#attempts += 1;
    return {
      ok: true,
      id: demand.id,
      waitMs: verdict.waitMs,
      settle: (ending, durationMs) => this.#settle(verdict, ending, attempt, demand, durationMs),
    };
  }

  #settle(
    { reservation }: Granted,
    ending: Ending,
    attempt: Attempted,
    demand: Demand,
    durationMs: number,
  ): Spent {
    const { target, needs, due } = attempt;
    const { estimates, alerts } = this.#world;
    const billing = billingOf(ending);
    const usage = ending === 'unsent' ? undefined : ending.usage;
    const bill = billFor(billing, ending, target, needs);
    reservation.settle(
      attempt.used(demand, billing, usage, isUnseen(ending)),
      bill.chargedNanoUsd,
      ending === 'unsent'
        ? undefined
        : () =>
            this.#spell({ ...endOf(ending), id: demand.id, usage, spent: bill.spent, durationMs }, target),
    );
    if (usage !== undefined)
      estimates.learn({
        model: target.model.id,
        key: needs.learnt,
        rough: this.#call.facts.inputTokens,
        actualInput: usage.inputTokens,
        actualOutput: billing === 'usage' ? usage.outputTokens : undefined,
      });
    if (due.length > 0) alerts.check(due);
    return bill.spent;
  }

  /** What the ledger is told by another process, should this one die: before the attempt has ended, nobody knows more than the most it costs. */
  #openEntry(id: string, target: Target, { worstNanoUsd }: Needs): string {
    const spent = { costNanoUsd: worstNanoUsd, listNanoUsd: worstNanoUsd, exact: false };
    return this.#spell({ id, outcome: 'unknown', spent, durationMs: 0 }, target);
  }

  #spell(ended: EndedAttempt, target: Target): string {
    return JSON.stringify(entryOf(this.#call, this.#route, target, ended, this.#world.clock.now()));
  }
}

const noCharges: Demand['charges'] = [];
const unlimited: Granted = { ok: true, waitMs: 0, reservation: { settle() {} } };

/** An attempt with the limits that it falls under. */
class Attempted {
  readonly target: Target;
  readonly needs: Needs;
  readonly due: readonly Due[];
  readonly ofTarget: LimitSet;
  readonly ofCaller: LimitSet | undefined;

  constructor(
    target: Target,
    needs: Needs,
    due: readonly Due[],
    ofTarget: LimitSet,
    ofCaller: LimitSet | undefined,
  ) {
    this.target = target;
    this.needs = needs;
    this.due = due;
    this.ofTarget = ofTarget;
    this.ofCaller = ofCaller;
  }

  /** What was used of each take of the demand. */
  used(demand: Demand, billing: Billing, usage: Usage | undefined, unseen: boolean): number[] {
    const nothing = billing === 'nothing';
    const input = usage?.inputTokens ?? (nothing ? 0 : this.needs.input);
    const output = usage?.outputTokens ?? (nothing ? 0 : this.needs.output);
    const used: number[] = [];
    // What the provider never saw counts for nothing there; against its key a request counts whatever came of it.
    for (const { measure } of this.ofTarget.meters)
      used.push(measure === 'requests' ? (unseen ? 0 : 1) : amountOf(measure, input, output));
    if (this.ofCaller !== undefined)
      for (const { measure } of this.ofCaller.meters)
        used.push(
          measure === 'requests'
            ? (demand.takes[used.length]?.amount ?? 0)
            : amountOf(measure, input, output),
        );
    return used;
  }
}

/** It never reached the provider: not begun, not connected, or refused by ourselves before it was sent. */
function endOf(ending: Exclude<Ending, 'unsent'>): Pick<EndedAttempt, 'outcome' | 'code'> {
  const { kind: outcome } = ending;
  return 'error' in ending ? { outcome, code: ending.error.code } : { outcome };
}

function isUnseen(ending: Ending): boolean {
  if (ending === 'unsent') return true;
  return ending.kind === 'failed' && ending.error.upstream === undefined && billingOf(ending) === 'nothing';
}

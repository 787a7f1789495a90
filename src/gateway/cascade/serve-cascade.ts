/**
 * A request of a route with a cascade. The cheap chain answers, and its answer is held; it is judged; then it is given to the caller, or the
 * strong chain is walked straight to the caller, streaming as it comes.
 *
 * What the cheap chain cannot do the strong one does, unless the fault is the caller's own. What the strong chain cannot do after a cheap
 * answer that was whole and had its form is answered with that one, and the header says so. The cheap chain and its judging have half of
 * the request's time, so that there is time to escalate. Every call passes the gate by itself, under the same limits and budgets.
 */
import type { Answer } from '../../core/answer.ts';
import { asGatewayError, errorKinds, type GatewayError } from '../../core/errors.ts';
import type { Cascade, CascadeVerdict } from '../../router/cascade/contract.ts';
import type { AttemptRecord, Policy, Route } from '../../router/contract.ts';
import type { Decided } from '../../router/decisions.ts';
import { Pass } from '../../router/gate.ts';
import type { WalkResult } from '../../router/progress.ts';
import { walk } from '../../router/walk.ts';
import type { CascadeOutcome } from '../../telemetry/cascade-metrics.ts';
import type { Ended } from '../ended.ts';
import type { GatewayWorld } from '../world.ts';
import { offerAudit } from './audit.ts';
import type { Held } from './hold.ts';
import { askOthers, type Judgement, judge } from './judging.ts';
import { type Compared, writeLabel } from './label.ts';
import { Leash } from './leash.ts';
import { type ChatCall, routeOver } from './own-call.ts';
import { sumOf } from './spent.ts';
import type { Way } from './way.ts';
import { withLogprobs, withoutLogprobs } from './with-logprobs.ts';
import type { CascadeWorld } from './world.ts';

export interface Cascading {
  readonly world: GatewayWorld;
  readonly cascades: CascadeWorld;
  readonly cascade: Cascade;
  readonly route: Route;
  readonly policy: Policy;
  readonly call: ChatCall;
  readonly way: Way;
}

/** Of the request's time, for the cheap chain and for judging its answer. */
const cheapShare = 0.5;

/** What was decided is told of the cheap chain. */
export function serveCascade(cascading: Cascading): Promise<Ended> {
  return new CascadedRequest(cascading).serve();
}

/** The cheap answer, once it has been judged. */
interface Cheap {
  readonly held: Held;
  readonly judgement: Judgement;
}

class CascadedRequest {
  readonly #of: Cascading;
  /** One for both chains: the request counts once against its key. */
  readonly #pass: Pass;
  /** Calls that were made, by what for. */
  #cheap: readonly AttemptRecord[] = [];
  #judging: readonly AttemptRecord[] = [];
  #strong: readonly AttemptRecord[] = [];
  #decided: Decided | undefined;
  /** As the caller is told. */
  #told = '';

  constructor(of: Cascading) {
    this.#of = of;
    this.#pass = new Pass(of.world.gate, of.call, of.route, of.policy);
  }

  async serve(): Promise<Ended> {
    const { world, cascade, route, policy, way, cascades } = this.#of;
    const { reply } = way;
    const call = this.#cheapCall();
    const terms = { route: cheapRoute(route), policy };
    const sink = new Leash((callback) => reply.onClose(callback));
    const replies = askOthers(world, cascade, call, terms, sink);
    const { result, held } = await this.#walkCheap(call, terms.route);
    if (held === undefined) {
      sink.cut();
      this.#judging = (await Promise.all(replies)).flatMap(({ tried }) => tried);
    }
    const inForce = cascades.thresholds.of(route.name, cascade);
    const judgement =
      held === undefined
        ? undefined
        : await judge(world, cascade, inForce, call, held.answer, terms, { sink, replies });
    sink.release();
    if (judgement !== undefined) this.#judging = judgement.tried;
    if (result.kind === 'client-closed' || reply.closed) return this.#ended('client-closed');
    if (result.kind === 'failed' && isCallersOwn(result.error, route)) return this.#refuse(result.error);
    const accepted = judgement?.verdict.accepted === true;
    cascades.thresholds.heard(route.name, cascade, { accepted });
    if (held === undefined || judgement === undefined) return this.#escalate('failed', undefined);
    const cheap = { held, judgement };
    return accepted ? this.#accept(cheap) : this.#escalate(judgement.verdict.why ?? '', cheap);
  }

  #cheapCall(): ChatCall {
    const { call, route, cascade } = this.#of;
    const budgetMs = Math.min(call.budgetMs ?? Number.POSITIVE_INFINITY, route.budgetMs) * cheapShare;
    const timed = { ...call, budgetMs };
    return cascade.confidence.from === 'logprobs' ? withLogprobs(timed) : timed;
  }

  async #walkCheap(call: ChatCall, route: Route): Promise<{ result: WalkResult; held: Held | undefined }> {
    const { world, way } = this.#of;
    const { tryOnce, held } = way.hold();
    const result = await walk(world.walk, call, route, way.reply, this.#pass, (target, tried, remainingMs) =>
      tryOnce({ call, target, tried: [...tried], strict: route.strict, remainingMs }),
    );
    this.#cheap = result.tried;
    this.#decided = result.decided;
    return { result, held: result.kind === 'served' ? held() : undefined };
  }

  #accept(cheap: Cheap): Ended {
    const { world, cascades, cascade, route, policy, call } = this.#of;
    const { verdict } = cheap.judgement;
    this.#give(cheap, `accepted${confidenceText(verdict)}`);
    this.#count('accepted', '');
    offerAudit(world, cascades, { call, route, policy, cascade, verdict, cheap: this.#cheapSide(cheap) });
    return this.#ended('served');
  }

  async #escalate(why: string, cheap: Cheap | undefined): Promise<Ended> {
    const { world, cascade, call, way } = this.#of;
    const before = [...this.#judging, ...this.#cheap];
    const route = routeOver(this.#of.route, cascade.escalate);
    const text = `escalated; why=${why}${confidenceText(cheap?.judgement.verdict)}`;
    this.#tell(text, before);
    const { tryOnce, heard } = way.overhear();
    const result = await walk(world.walk, call, route, way.reply, this.#pass, (target, tried, remainingMs) =>
      tryOnce({ call, target, tried: [...before, ...tried], strict: route.strict, remainingMs }),
    );
    this.#strong = result.tried;
    if (result.kind === 'failed' && cheap !== undefined && isWhole(cheap.judgement.verdict))
      return this.#keep(cheap, why);
    this.#count('escalated', why);
    if (result.kind === 'failed') return this.#refuse(result.error);
    if (result.kind === 'served' && cheap !== undefined) this.#label(cheap, heard);
    return this.#ended(result.kind);
  }

  /** The strong chain has failed: the cheap answer is better than none. */
  #keep(cheap: Cheap, why: string): Ended {
    this.#give(cheap, `kept; why=${why}${confidenceText(cheap.judgement.verdict)}`);
    this.#count('kept', why);
    return this.#ended('served');
  }

  #give({ held, judgement }: Cheap, header: string): void {
    const own = this.#cheap.at(-1);
    const others = [...this.#judging, ...this.#strong, ...this.#cheap.slice(0, -1)];
    this.#tell(header, others);
    const served = { ...held.served, tried: others, usage: own?.usage ?? held.served.usage };
    const asked = this.#of.call.facts.needs.includes('logprobs');
    if (this.#of.cascade.confidence.from !== 'logprobs' || asked) held.give(served, judgement.mended);
    else held.give(served, withoutLogprobs(judgement.mended ?? held.answer));
  }

  #tell(text: string, others: readonly AttemptRecord[]): void {
    this.#told = text;
    this.#of.way.reply.tell({ headers: ['x-intermodal-cascade', text], ...sumOf(others) });
  }

  #label(cheap: Cheap, heard: () => Answer | undefined): void {
    const { world, cascades, cascade, route, call } = this.#of;
    const strong = this.#strong.at(-1);
    try {
      const answer = heard();
      if (answer === undefined || strong === undefined) return;
      writeLabel(world, cascades, {
        kind: 'escalation',
        call,
        route,
        cascade,
        verdict: cheap.judgement.verdict,
        cheap: this.#cheapSide(cheap),
        strong: { target: strong.target, answer, nanoUsd: strong.spent?.costNanoUsd ?? 0 },
      });
    } catch (thrown) {
      // The caller has its answer; that it cannot be compared is our loss alone.
      const error = asGatewayError(thrown);
      world.log.warn({ requestId: call.id, code: error.code }, 'a strong answer could not be compared');
    }
  }

  /** What it took to have the cheap answer, and to judge it. */
  #cheapSide({ held }: Cheap): Compared['cheap'] {
    const { costNanoUsd } = sumOf([...this.#judging, ...this.#cheap]);
    return { target: held.served.target.name, answer: held.answer, nanoUsd: costNanoUsd };
  }

  #count(outcome: CascadeOutcome, why: string): void {
    this.#of.cascades.metrics.answer(this.#of.route.name, outcome, why);
  }

  #refuse(error: GatewayError): Ended {
    const ended = this.#ended('failed', error.code);
    this.#of.way.reply.refuse(error, ended.tried);
    return ended;
  }

  /** Whoever made the answer comes last: the line of a request in the log is of that one. */
  #ended(outcome: string, code?: string): Ended {
    const escalated = this.#strong.at(-1)?.outcome !== 'failed' && this.#strong.length > 0;
    const tried = escalated
      ? [...this.#judging, ...this.#cheap, ...this.#strong]
      : [...this.#judging, ...this.#strong, ...this.#cheap];
    return { outcome, code, tried, decided: this.#decided, notes: { cascade: this.#told } };
  }
}

/** What it cannot do now the strong chain does at once: waiting for another round would only cost the caller time. */
function cheapRoute(route: Route): Route {
  return { ...route, retry: { ...route.retry, rounds: 1 } };
}

/** Nobody else would answer it either, or nobody else may. */
function isCallersOwn(error: GatewayError, { onContentFilter, onOverBudget }: Route): boolean {
  switch (error.code) {
    // A stronger model may have a larger window and more capabilities, and its name may be right.
    case 'unsupported':
    case 'context_too_long':
    case 'model_not_found':
    case 'price_unknown':
      return false;
    case 'content_blocked':
      return onContentFilter === 'return';
    case 'over_budget':
      return onOverBudget === 'refuse';
    default:
      return ['caller', 'policy'].includes(errorKinds[error.code].fault);
  }
}

/** It came to its end and has its form: only its confidence was not enough. */
function isWhole({ why }: CascadeVerdict): boolean {
  return why === 'confidence' || why === 'unreadable';
}

function confidenceText(verdict: CascadeVerdict | undefined): string {
  const confidence = verdict?.confidence ?? verdict?.raw;
  return confidence === undefined ? '' : `; confidence=${confidence.toFixed(2)}`;
}

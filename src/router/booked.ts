/**
 * A call that nobody holds a line for: its answer is kept, so that nothing may be lost between the call and what is written of it.
 *
 * The ledger says that a call's cost is unknown before it is made, and what it was once that is known; a process that dies in between leaves the
 * first. The answer must have the form that was asked for. Where several attempts are made, each has an entry of its own, by the id
 * that limits and budgets know it by.
 */
import type { Calibration } from '../catalog/calibration.ts';
import type { Answer, EmbeddingAnswer } from '../core/answer.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import type { Keep, Outcome } from './attempt.ts';
import { attemptWhole, readChat, readEmbedding } from './attempt-whole.ts';
import { listedCost } from './billing.ts';
import type { Target } from './chain/contract.ts';
import type { AttemptRecord, Call, Policy, Route, Spent, WholeSink } from './contract.ts';
import { entryOf } from './entry.ts';
import type { ExchangeWorld } from './exchange.ts';
import { type GateWorld, Pass } from './gate.ts';
import { type AnswerableCall, type Came, type Found, Kept, type KeptOptions } from './kept-answer.ts';
import { needsOf } from './needs.ts';
import type { WalkWorld } from './progress.ts';
import { walk } from './walk.ts';

export interface BookedWorld {
  readonly walk: WalkWorld;
  readonly gate: GateWorld;
  readonly exchange: ExchangeWorld;
  readonly estimates: Calibration;
  readonly clock: Clock;
}

export interface BookedOptions extends KeptOptions {
  readonly policy: Policy;
  /** What limits take the call for, where it is not its own priority. */
  readonly priority?: Call['priority'];
  /** Hears what a target answers, where it may be given again. */
  keepFor?(target: Target): Keep | undefined;
  /** Before each attempt, once limits and budgets let it through. */
  before?(target: Target, attemptId: string): Promise<void>;
}

export interface Sums extends Spent {
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

const nothing: Spent = { costNanoUsd: 0, listNanoUsd: 0, exact: true };

export class BookedCall {
  readonly #world: BookedWorld;
  readonly #call: AnswerableCall;
  readonly #route: Route;
  readonly #records: { readonly target: Target; readonly record: AttemptRecord }[] = [];
  /** Entries that say `unknown`, by their ids. */
  readonly #open = new Map<string, Target>();

  #given: { readonly target: Target; readonly spent: Spent } | undefined;

  /** The id of the call must be of this try alone: what is asked again after a crash must not overwrite what the ledger says of the first. */
  constructor(world: BookedWorld, call: AnswerableCall, route: Route) {
    this.#world = world;
    this.#call = call;
    this.#route = route;
  }

  /** Of its first attempt, should nobody say otherwise. */
  get firstId(): string {
    return `${this.#call.id}.0`;
  }

  /** What the ledger says until it knows more: the most that an attempt can cost. Must be durable before the attempt begins. */
  intent(target: Target, attemptId: string): LedgerEntry {
    const { worstNanoUsd } = needsOf(this.#call, this.#route, target, this.#world.estimates);
    const spent = { costNanoUsd: worstNanoUsd, listNanoUsd: worstNanoUsd, exact: false };
    this.#open.set(attemptId, target);
    const ended = { id: attemptId, outcome: 'unknown' as const, spent, durationMs: 0 };
    return entryOf(this.#call, this.#route, target, ended, this.#world.clock.now());
  }

  /** The same entries again, now that it is known; of what was intended and never made, that it cost nothing. */
  entries(): readonly LedgerEntry[] {
    const nowMs = this.#world.clock.now();
    const entries: LedgerEntry[] = [];
    const told = new Set<string>();
    for (const { target, record } of this.#records) {
      const { id, outcome, spent = nothing } = record;
      if (id === undefined || outcome === 'refused') continue;
      told.add(id);
      entries.push(entryOf(this.#call, this.#route, target, { ...record, id, outcome, spent }, nowMs));
    }
    for (const [id, target] of this.#open) {
      if (told.has(id)) continue;
      const ended = { id, outcome: 'failed' as const, spent: nothing, durationMs: 0 };
      entries.push(entryOf(this.#call, this.#route, target, ended, nowMs));
    }
    if (this.#given !== undefined) {
      const { target, spent } = this.#given;
      const ended = { id: `${this.#call.id}.kept`, outcome: 'served' as const, spent, durationMs: 0 };
      // Its tokens were used once, when they were paid for.
      const { roughInputTokens: _unused, ...entry } = entryOf(this.#call, this.#route, target, ended, nowMs);
      entries.push(entry);
    }
    return entries;
  }

  sums(): Sums {
    const sums = { ...nothing, inputTokens: 0, cacheReadTokens: 0, outputTokens: 0, reasoningTokens: 0 };
    for (const { record } of this.#records) {
      const { spent = nothing, usage } = record;
      sums.costNanoUsd += spent.costNanoUsd;
      sums.listNanoUsd += spent.listNanoUsd;
      sums.exact &&= spent.exact;
      sums.inputTokens += usage?.inputTokens ?? 0;
      sums.cacheReadTokens += usage?.cacheReadTokens ?? 0;
      sums.outputTokens += usage?.outputTokens ?? 0;
      sums.reasoningTokens += usage?.reasoningTokens ?? 0;
    }
    return sums;
  }

  /** By what was answered before, where `find` finds it: it costs nothing, and counts against its key alone. */
  async askAgain(
    find: (sink: WholeSink<Answer | EmbeddingAnswer>) => Promise<Found | undefined>,
    options: BookedOptions,
  ): Promise<Came | undefined> {
    const kept = new Kept(this.#call, options);
    const found = await find(kept);
    if (found === undefined) return undefined;
    const pass = new Pass(this.#world.gate, this.#call, this.#route, options.policy);
    const refused = await pass.admitKept(found.target);
    if (refused !== undefined) return { kind: 'error', error: refused.error };
    found.give();
    if (kept.came?.kind !== 'answer') return undefined;
    const { usage, target } = found;
    const listNanoUsd = usage === undefined ? 0 : listedCost(target, usage);
    this.#given = { target, spent: { costNanoUsd: 0, listNanoUsd, exact: true } };
    return { ...kept.came, found };
  }

  async ask(options: BookedOptions): Promise<Came> {
    const world = this.#world;
    const [call, route] = [this.#call, this.#route];
    const kept = new Kept(call, options);
    const watching: WalkWorld = {
      ...world.walk,
      observe: (...attempt) => {
        this.#records.push({ target: attempt[2], record: attempt[3] });
        world.walk.observe(...attempt);
      },
    };
    const { priority = call.priority, before, policy } = options;
    const pass = new Pass(world.gate, { ...call, priority }, route, policy);
    const result = await walk(
      watching,
      call,
      route,
      options.sink,
      pass,
      async (target, tried, remainingMs, attemptId) => {
        await before?.(target, attemptId);
        if (options.sink.closed) return { kind: 'client-closed' };
        const input = {
          call,
          target,
          tried: [...tried],
          strict: route.strict,
          remainingMs,
          keep: options.keepFor?.(target),
        };
        return attempt(world.exchange, call.operation, input, kept);
      },
    );
    if (kept.came !== undefined) return kept.came;
    if (result.kind === 'failed') return { kind: 'error', error: result.error };
    if (result.kind === 'client-closed') return { kind: 'closed' };
    return { kind: 'error', error: new GatewayError('internal', 'The call ended without an answer.') };
  }
}

function attempt(
  world: ExchangeWorld,
  operation: AnswerableCall['operation'],
  input: Parameters<typeof attemptWhole>[1],
  sink: Kept,
): Promise<Outcome> {
  const { chat, embeddings, name } = input.target;
  if (operation === 'embedding' && embeddings !== undefined)
    return attemptWhole(world, input, embeddings, readEmbedding(embeddings), sink);
  if (operation === 'chat' && chat !== undefined)
    return attemptWhole(world, input, chat, readChat(chat), sink);
  const error = new GatewayError('unsupported', `${name} does not offer this operation.`);
  return Promise.resolve({ kind: 'failed', error });
}

/**
 * What the router works on: a policy, resolved from the config. `config/resolve.ts` makes it; `decide.ts` reads it.
 * All durations are milliseconds.
 */
import type { Capability } from '../core/capability.ts';
import type { ErrorCode, GatewayError } from '../core/errors.ts';
import type { StreamEvent } from '../core/event.ts';
import type { Facts, Priority } from '../core/facts.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Mode } from '../core/target.ts';
import type { Usage } from '../core/usage.ts';
import type {
  Endpoint,
  ForwardedCall,
  Provider,
  ResponseHeaders,
  WireRequest,
} from '../providers/contract.ts';
import type { Canary } from './canary/contract.ts';
import type { Cascade } from './cascade/contract.ts';
import type { LimitSet, Step, Target } from './chain/contract.ts';
import type { ComplexityPolicy, Prompt } from './complexity/contract.ts';
import type { Conversation } from './measures/contract.ts';

export type BudgetScope = 'all' | 'key' | 'team' | 'route' | 'provider' | 'tag';

/** One cap on what may be spent in one kind of window. */
export interface BudgetRule {
  /** Unique; names its counter. Such as `key:search/day`. */
  readonly name: string;
  readonly scope: BudgetScope;
  /** Whose money: a name, or `*` for each by itself. Empty for scope `all`. */
  readonly of: string;
  readonly period: 'day' | 'week' | 'month' | 'batch';
  readonly capNanoUsd: number;
  /** False: it counts and warns, and refuses nobody. */
  readonly hard: boolean;
  /** Shares of the cap at which it warns, ascending. */
  readonly alertShares: readonly number[];
  /** The window that a moment falls in. */
  readonly window: (nowMs: number) => {
    readonly name: string;
    readonly startMs: number;
    readonly endMs: number;
  };
}

/** Who asks: the key of the request, where keys are in use. */
export interface Caller {
  readonly key: string;
  readonly team?: string;
  readonly limits: LimitSet;
  readonly budgets: readonly BudgetRule[];
}

export interface Range {
  /** Inclusive. */
  readonly min?: number;
  /** Inclusive. */
  readonly max?: number;
}

/** All that is present must hold. Patterns may hold `*`. */
export interface Condition {
  readonly model?: readonly string[];
  /** Every one of these tags. */
  readonly tags?: readonly string[];
  /** Lower-case header name to pattern. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly inputTokens?: Range;
  readonly maxOutputTokens?: Range;
  readonly needs?: readonly Capability[];
  readonly stream?: boolean;
  readonly priority?: readonly Priority[];
  /** Of the score. */
  readonly complexity?: Range;
  /** Milliseconds; does not hold for a request without a deadline. */
  readonly deadline?: Range;
}

export interface Rule {
  /** For `explain`: the YAML of the condition on one line. */
  readonly text: string;
  readonly when: Condition;
  readonly chain: readonly Step[];
}

/** Which candidate is tried first: as written; by expected cost; by measured time; by how much of their limits is free. */
export const orders = ['listed', 'cheapest', 'fastest', 'most-room'] as const;
export type Order = (typeof orders)[number];

/** Answers that may be given again to the very same request. */
export interface ResponseCachePolicy {
  readonly forMs: number;
  /** Who may get an answer that another’s request made: the same key, the same team, or anybody. */
  readonly scope: 'key' | 'team' | 'all';
}

/** Of requests whose callers do not hold the line. With less time than this it is called at once; with less than the second through the queue; with more in a batch. */
export interface WaitingPolicy {
  readonly syncUnderMs: number;
  readonly queueUnderMs: number;
  /** Whether what waits is tried at the flex tier of its targets first. */
  readonly flex: boolean;
  /** Where the caller gives no deadline. */
  readonly deadlineMs: number;
  /** Requests are gathered into one batch until they are so many, or the first is so old. */
  readonly batchItems: number;
  readonly batchAgeMs: number;
  /** Fewer than this are not worth a batch: they go through the queue. */
  readonly leastItems: number;
}

export interface RetryPolicy {
  /** How often the chain may be walked. 1 is no retry. */
  readonly rounds: number;
  /** Further tries on the same target, at once with back-off, before the next one. */
  readonly sameTarget: number;
  /** Full jitter: uniform in [0, min(cap, base x 2^round)]. */
  readonly baseMs: number;
  readonly capMs: number;
  /** A provider's `retry-after` is obeyed up to this, for waiting and for cooling. */
  readonly retryAfterCapMs: number;
}

export interface Route {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly chain: readonly Step[];
  readonly retry: RetryPolicy;
  /** The request's own time budget, all attempts and waits together. */
  readonly budgetMs: number;
  /** Refuse with 400 what would otherwise be dropped and reported. */
  readonly strict: boolean;
  /** Whether a content filter's refusal may be taken to the next target. */
  readonly onContentFilter: 'return' | 'next';
  /** Whether a spent budget refuses the request or only the target, so that a cheaper one may serve. */
  readonly onOverBudget: 'refuse' | 'next';
  /** What a budget sets aside: the most that an answer can cost, or the 95th percentile of what this route’s did. */
  readonly reserve: 'worst' | 'expected';
  /** Targets whose price nobody knows are passed over. */
  readonly knownPrices: boolean;
  readonly order: Order;
  /** A conversation stays with the target whose prompt cache it has warmed, where that is cheaper. */
  readonly sticky: boolean;
  readonly complexity: ComplexityPolicy;
  readonly waiting: WaitingPolicy;
  readonly cascade?: Cascade;
  readonly canary?: Canary;
  readonly cache?: ResponseCachePolicy;
}

export interface BreakerPolicy {
  /** Opens at this many failures within `windowMs`, if they are at least `ratio` of the outcomes. */
  readonly failures: number;
  readonly ratio: number;
  readonly windowMs: number;
  /** First time open; doubles with each failed probe up to `openCapMs`. */
  readonly openMs: number;
  readonly openCapMs: number;
}

/** Everything that a hot reload replaces at once. */
export interface Policy {
  /** Counts up with each reload; 1 is the first. */
  readonly version: number;
  /** The route for a model name: exact, then by pattern, then a target named directly if allowed. */
  find(model: string): Route | undefined;
  /** A target by its name, `@batch` too, whether or not a route has it. */
  target(name: string): Target | undefined;
  /** How a provider's own calls are read, where it makes any. */
  webhook(provider: string): Provider['readWebhook'];
  /** Names that a client may use, for `/v1/models` and for "did you mean". */
  readonly names: readonly string[];
  /** Every route of the config, patterns too. */
  readonly routes: readonly Route[];
  readonly targets: readonly Target[];
  readonly breaker: BreakerPolicy;
  readonly budgets: readonly BudgetRule[];
}

/** What an attempt has cost, in nano-dollars. */
export interface Spent {
  readonly costNanoUsd: number;
  /** The same tokens at the sync list price. */
  readonly listNanoUsd: number;
  /** False where the provider did not say what was used. */
  readonly exact: boolean;
}

/** One attempt, as told by `explain`, headers and the ledger. `refused`: our own limits or budgets did not let it begin. */
export interface AttemptRecord {
  /** Unique; absent where it never began. */
  readonly id?: string;
  readonly target: string;
  readonly outcome: 'served' | 'failed' | 'cut' | 'client-closed' | 'refused';
  readonly code?: ErrorCode;
  readonly status?: number;
  readonly durationMs: number;
  /** Until the first content of a stream. */
  readonly firstMs?: number;
  readonly usage?: Usage;
  readonly spent?: Spent;
  /** Of one that was refused: which limit or budget said no, in our own words. */
  readonly detail?: string;
}

/** A body shaped for one target. */
export interface Prepared {
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly dropped: readonly string[];
  /** Same protocol on both sides: bytes go through. */
  readonly relay: boolean;
  /** What `openRelay` wants to know. */
  readonly forwarded: ForwardedCall;
}

/** What the caller is told beside the answer. */
export interface Served {
  readonly target: Target;
  readonly prepared: Prepared;
  /** Attempts before this one, all failed. */
  readonly tried: readonly AttemptRecord[];
  readonly upstreamHeaders: ResponseHeaders;
  /** Absent where the answer has only begun. */
  readonly usage?: Usage | undefined;
}

/**
 * Where an answer goes; the gateway implements it over the caller's socket. `commit` is the point of no return: before it
 * the caller has seen nothing. After it the sink gets either bytes or events, as `served.prepared.relay` says, then one of `end`, `fail`.
 */
export interface Sink {
  /** True once the caller has hung up. */
  readonly closed: boolean;
  /** Called at most once, when the caller hangs up before the answer is complete. The answer unsubscribes. */
  onClose(callback: () => void): () => void;
}

export interface StreamSink extends Sink {
  /** `encode`: the events must be encoded even though the target was to be relayed (it answered without streaming). */
  commit(served: Served, encode: boolean): void;
  bytes(chunk: Uint8Array): void;
  event(event: StreamEvent): void;
  /** Pushes what was written; false while the caller reads slower than the provider writes. */
  flush(): boolean;
  onDrain(callback: () => void): void;
  end(): void;
  /** The upstream failed after `commit`: the dialect's own error event, then the end. */
  fail(error: GatewayError): void;
}

/** Whole answers, of one operation's kind. Exactly one of the two is called, once. */
export interface WholeSink<A> extends Sink {
  /** The provider's bytes, same protocol. */
  relay(served: Served, body: Uint8Array): void;
  answer(served: Served, answer: A): void;
}

/** Hears of one HTTP exchange. After `onEnd` or `onError` nothing more comes. */
export interface Receiver {
  onHead(status: number, headers: ResponseHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** `upstream_unreachable`, `upstream_timeout`, `upstream_truncated` or `upstream_malformed`. Not called after `abort`. */
  onError(error: GatewayError): void;
}

export interface Sending {
  abort(): void;
  pause(): void;
  resume(): void;
}

/** The HTTP client. */
export interface Upstream {
  send(
    request: WireRequest,
    timeouts: { readonly connectMs: number; readonly headMs: number; readonly idleMs: number },
    receiver: Receiver,
  ): Sending;
  close(): Promise<void>;
}

/** The part of a call that deciding looks at. */
export interface Considered {
  /** Absent: it is only asked what would be. */
  readonly id?: string;
  /** Absent where the gateway asks for no key. */
  readonly caller?: Caller;
  readonly facts: Facts;
  readonly protocol: Protocol;
  readonly tags: readonly string[];
  readonly priority: Priority;
  /** Lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Uniform in [0, 1); places the request in weighted steps. */
  readonly draw: number;
  /** The batch that the request is an item of. */
  readonly batch?: string;
  /** What may serve it; absent: what answers over a connection that is held. */
  readonly modes?: ReadonlySet<Mode>;
  /** The caller's own deadline, where it gave one; the route's budget holds too. */
  readonly budgetMs?: number;
  /** Called only where an order looks at prompt caches. */
  conversation?(): Conversation | undefined;
  /** What its complexity is scored on; called only where something asks for it. `undefined`: it cannot be read. */
  prompt?(mostChars: number): Prompt | undefined;
}

/** One caller's request on its way through a route. `Req` is its neutral form, which only `prepare` looks at. */
export interface Call<Req = never> extends Considered {
  readonly id: string;
  readonly startedAtMs: number;
  /** Size of the body as it came. */
  readonly bodyBytes: number;
  /** Shapes the body for a target, by pass-through or translation. Throws `GatewayError`; `strict` refuses what would be dropped. */
  prepare(endpoint: Endpoint<Req>, strict: boolean): Prepared;
}

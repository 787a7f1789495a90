/** What the workers of the queue are given. */
import type { Answer, EmbeddingAnswer } from '../core/answer.ts';
import type { Random } from '../core/clock.ts';
import type { GatewayError } from '../core/errors.ts';
import type { MakeId } from '../core/ids.ts';
import type { WakeUps } from '../fleet/contract.ts';
import type { Keep } from '../router/attempt.ts';
import type { BookedWorld } from '../router/booked.ts';
import type { Thresholds } from '../router/cascade/threshold.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Caller, Policy, Route, Served, WholeSink } from '../router/contract.ts';
import type { AnswerableCall, Found } from '../router/kept-answer.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import type { QueueRows } from '../stores/queue/contract.ts';
import type { CascadeMetrics } from '../telemetry/cascade-metrics.ts';
import type { LabelWriter } from '../telemetry/label-writer.ts';
import type { Log } from '../telemetry/log.ts';
import type { QueuedRequest } from './contract.ts';

export interface QueueSettings {
  /** Calls at once, of this process. */
  readonly workers: number;
  /** A request is claimed for so long, renewed thrice as often. What a process held when it died is taken up after this. */
  readonly leaseMs: number;
}

/** Who pays for a request: the key of its owner, as it is now. */
export interface Payer {
  readonly caller: Caller;
  mayUse(route: string, model: string): boolean;
}

/** A kept request as the router sees one, and how its caller reads what comes of it. */
export interface QueuedCall extends AnswerableCall {
  /** Those of an answer; `free`: it was given before, or to another, and costs this one nothing; what is told of that. */
  headersOf(served: Served, free?: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  /** What was answered before to the very same request, by the target that would be asked now. */
  findAgain(route: Route, sink: WholeSink<Answer | EmbeddingAnswer>): Promise<Found | undefined>;
  keepFor(route: Route, target: Target): Keep | undefined;
  /** One text for all requests that the same answer does. */
  same(): string;
}

/** Hears what becomes of requests. */
export interface QueueEvents {
  ended(
    request: QueuedRequest,
    state: 'answered' | 'failed',
    code: string | undefined,
    waitedMs: number,
  ): void;
  /** It waits again; `why` is a code of `core/errors.ts`, or what else it was. */
  requeued(request: QueuedRequest, why: string): void;
  /** It takes the answer of another that is called. */
  joined(): void;
}

/** A named place on the road, for those who watch it or break it there. */
export type Step = (place: string) => void | Promise<void>;

export interface QueueWorld extends BookedWorld {
  readonly cascades: {
    readonly thresholds: Thresholds;
    readonly metrics: CascadeMetrics;
    readonly labels: Pick<LabelWriter, 'add'>;
  };
  readonly rows: QueueRows;
  readonly ledger: { append(entries: readonly LedgerEntry[]): Promise<void> };
  readonly policy: () => Policy;
  /** `undefined`: no keys are asked for. Throws `forbidden` where the owner's key is gone. */
  readonly payer: (owner: string) => Payer | undefined;
  /** `id`: of this try of it. Throws `GatewayError` where it cannot be read any more. */
  readonly open: (
    request: QueuedRequest,
    id: string,
    nowMs: number,
    caller: Caller | undefined,
  ) => QueuedCall;
  /** In the words of the request's dialect. */
  readonly encodeError: (
    request: QueuedRequest,
    error: GatewayError,
  ) => { readonly status: number; readonly body: object };
  readonly settings: () => QueueSettings;
  readonly events: QueueEvents;
  readonly wakeUps: WakeUps;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly log: Log;
  readonly at: Step;
}

/**
 * Which way a request goes whose caller need not hold the line: called at once, through the queue, or gathered into a batch. A pure function of
 * how much time it has, what it is, and which kinds of targets could serve it; what it answers says why.
 *
 * A batch costs half and may take a day, so it is for what has the time and gains by it. A turn of a tool loop does not: somebody waits for
 * the next, and a day a turn is no loop. Nor does what its caller calls urgent.
 */
import type { Priority } from '../core/facts.ts';
import type { Mode } from '../core/target.ts';
import type { WaitingPolicy } from '../router/contract.ts';
import type { Way } from './contract.ts';

export interface MayWait {
  readonly policy: Pick<WaitingPolicy, 'syncUnderMs' | 'queueUnderMs'>;
  /** Until the answer is needed. */
  readonly deadlineMs: number;
  /** How long the caller holds the line before it wants to be told to come back; absent: not at all, unless it is called at once. */
  readonly holdMs?: number;
  readonly priority: Priority;
  /** Its last message is what a tool has given back. */
  readonly toolTurn: boolean;
  /** Modes that targets which could serve it have in its chain, as they are written. */
  readonly named: ReadonlySet<Mode>;
  /** A batch API takes it: of a target that is named with it, or of one that has one besides. */
  readonly batchable: boolean;
}

export const wayReasons = [
  'no-time',
  'short-deadline',
  'tool-turn',
  'high-priority',
  'named-queue',
  'no-batch-api',
  'batch-only',
  'worth-batching',
] as const;
export type WayReason = (typeof wayReasons)[number];

/** For people. */
export const wayTexts: Readonly<Record<WayReason, string>> = {
  'no-time': 'there is too little time for anything else',
  'short-deadline': 'there is too little time for a batch',
  'tool-turn': 'somebody waits for what comes after its answer',
  'high-priority': 'it is urgent',
  'named-queue': 'the chain names the queue and no batch API',
  'no-batch-api': 'no batch API of the route takes it',
  'batch-only': 'the route has batch APIs alone',
  'worth-batching': 'it has the time, and costs less so',
};

export interface ChosenWay {
  readonly way: 'sync' | Way;
  readonly why: WayReason;
}

export function chooseWay(request: MayWait): ChosenWay {
  const { policy, deadlineMs, holdMs, named, batchable } = request;
  const callable = named.has('sync') || named.has('flex');
  // Nothing but batch APIs: whatever the deadline, there is no quicker way.
  if (!callable && !named.has('queue') && batchable) return { way: 'batch', why: 'batch-only' };
  // Whoever hangs up sooner than that wants to be told to come back, which only what is kept can be.
  const holds = holdMs === undefined || holdMs >= deadlineMs;
  if (deadlineMs < policy.syncUnderMs && callable && holds) return { way: 'sync', why: 'no-time' };
  if (deadlineMs < policy.queueUnderMs) return { way: 'queue', why: 'short-deadline' };
  if (request.toolTurn) return { way: 'queue', why: 'tool-turn' };
  if (request.priority === 'high') return { way: 'queue', why: 'high-priority' };
  // A chain that names one way to wait and not the other means it.
  if (named.has('queue') && !named.has('batch')) return { way: 'queue', why: 'named-queue' };
  if (!batchable) return { way: 'queue', why: 'no-batch-api' };
  return { way: 'batch', why: 'worth-batching' };
}

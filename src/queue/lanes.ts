/**
 * Three lanes in one order. A request's rank is the time of its creation and the handicap of its lane, and the least rank goes first: a
 * request of a low lane is overtaken by those of a higher one that came less than the difference of their handicaps after it, and by no
 * others, however many there are. That is aging without a row being touched: time itself makes old requests the first.
 *
 * Pure: what is known of the traffic comes in.
 */
import { type Priority, priorities } from '../core/facts.ts';

/** Milliseconds by which a lane stands back. */
export type Handicaps = Readonly<Record<Priority, number>>;

/** Long enough that a rush of urgent work goes first, short against the hour within which the queue answers at all. */
export const defaultHandicaps: Handicaps = { high: 0, normal: 60_000, low: 600_000 };

/** With less time than this until its deadline, a request goes before all lanes. */
export const urgentMs = 30_000;

interface Ranked {
  readonly priority: Priority;
  readonly createdAtMs: number;
  readonly deadlineAtMs: number;
}

/** One that has not as much time as its lane would stand back for stands back less. */
export function rankOf(
  { priority, createdAtMs, deadlineAtMs }: Ranked,
  handicaps: Handicaps = defaultHandicaps,
): number {
  const latest = Math.max(createdAtMs, deadlineAtMs - urgentMs);
  return Math.min(createdAtMs + handicaps[priority], latest);
}

/** What there is to do, when a request comes. */
export interface Traffic {
  /** Requests before it, that wait or are called. */
  readonly ahead: number;
  /** Of each lane, how many come in a second. */
  readonly arriving: Readonly<Record<Priority, number>>;
  /** Calls that are begun in a second. */
  readonly served: number;
  /** The longest call. */
  readonly callMs: number;
}

/**
 * The longest that a request of a lane waits until its answer: until what was before it is done, and what may overtake it, which is what
 * the higher lanes get in the time by which it stands back behind them. It does not grow with how long that goes on.
 *
 * Requests that are near their deadlines go first besides; `urgentShare` is how much of the work they are, at most a half.
 */
export function worstWaitMs(
  lane: Priority,
  traffic: Traffic,
  handicaps: Handicaps = defaultHandicaps,
  urgentShare = 0,
): number {
  let before = traffic.ahead;
  for (const other of priorities)
    before += (traffic.arriving[other] * Math.max(0, handicaps[lane] - handicaps[other])) / 1000;
  return (before / (traffic.served * (1 - urgentShare))) * 1000 + traffic.callMs;
}

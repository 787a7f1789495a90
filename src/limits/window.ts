/** Where the day, the week (Monday first) or the month of a budget begins and ends, in its own time zone, across clock changes. */
import { DateTime } from 'luxon';

export type Period = 'day' | 'week' | 'month';

export interface Window {
  /** Unique among the windows of one period and zone: the date of its first day. */
  readonly name: string;
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
}

/** The window of a moment. Kept until it ends: looking a date up costs more than the rest of a reservation. */
export function createWindows(period: Period, zone: string): (nowMs: number) => Window {
  let current: Window | undefined;
  return (nowMs) => {
    if (current === undefined || nowMs >= current.endMs || nowMs < current.startMs)
      current = find(period, zone, nowMs);
    return current;
  };
}

function find(period: Period, zone: string, nowMs: number): Window {
  const start = DateTime.fromMillis(nowMs, { zone }).startOf(period);
  const end = start.plus({ [period]: 1 }).startOf(period);
  return { name: start.toFormat('yyyy-MM-dd'), startMs: start.toMillis(), endMs: end.toMillis() };
}

export function isZone(zone: string): boolean {
  return DateTime.local({ zone }).isValid;
}

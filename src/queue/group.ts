/**
 * Which requests may share a batch, as one text. All that a batch has once for all its items is in it: whose it is, in what dialect its lines are,
 * its priority and tags; and its route, whose policy says when it is full.
 *
 * So is about how much time they have. A batch must be done when the most hurried of its requests needs it: one that has an hour, among
 * thousands that have a day, would have them all asked by single calls, at twice the price.
 */
import { z } from 'zod';
import type { NewQueuedRequest, QueuedRequest } from './contract.ts';

const hourMs = 3_600_000;
/** Classes of time double from an hour to this: beyond it providers have all the time they may take. */
const mostClass = 5;

type Grouped = Pick<
  NewQueuedRequest,
  'owner' | 'team' | 'dialect' | 'route' | 'priority' | 'tags' | 'createdAtMs' | 'deadlineAtMs'
>;

const groupSchema = z.tuple([
  z.string(),
  z.string().nullable(),
  z.string(),
  z.string(),
  z.string(),
  z.array(z.string()),
  z.number(),
]);

export function groupOf(request: Grouped): string {
  const { owner, team, dialect, route, priority, tags } = request;
  // Their order says nothing.
  const sorted = [...new Set(tags)].sort();
  return JSON.stringify([owner, team ?? null, dialect, route, priority, sorted, timeClass(request)]);
}

/** The route that a group is of; nothing where it is no group of ours. */
export function routeOfGroup(group: QueuedRequest['group']): string | undefined {
  let written: unknown;
  try {
    written = JSON.parse(group);
  } catch {
    return undefined;
  }
  const read = groupSchema.safeParse(written);
  return read.success ? read.data[3] : undefined;
}

/** 0: under two hours; then doubling: the most hurried of a group has at least half the time of the others. */
function timeClass({ createdAtMs, deadlineAtMs }: Pick<Grouped, 'createdAtMs' | 'deadlineAtMs'>): number {
  const hours = Math.max(1, (deadlineAtMs - createdAtMs) / hourMs);
  return Math.min(mostClass, Math.floor(Math.log2(hours)));
}

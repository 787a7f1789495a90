/**
 * Cache points within the rules that hold behind Converse: at most four a request, and no one-hour point behind a five-minute one, in the
 * order tools, system, messages ("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"). They are hints, so what
 * breaks a rule goes silently.
 */
import type { RestBody, RestCachePoint } from './rest-shape.ts';

const mostPoints = 4;

type Parts = Pick<RestBody, 'messages' | 'system' | 'toolConfig'>;

/** Changes the body's own lists and points, which the encoder has just made. */
export function limitCachePoints({ messages, system, toolConfig }: Parts): void {
  const front = [...pointsOf(toolConfig?.tools ?? []), ...pointsOf(system ?? [])];
  const back = messages.flatMap(({ content }) => pointsOf(content));
  // The last point covers all that stands before it; the ones in the conversation's middle are worth least.
  const leastWorthFirst = [...back.slice(0, -1), ...front, ...back.slice(-1)];
  const surplus = new Set(leastWorthFirst.slice(0, Math.max(0, leastWorthFirst.length - mostPoints)));
  for (const list of [toolConfig?.tools, system, ...messages.map(({ content }) => content)])
    if (list !== undefined && surplus.size > 0) remove(list, surplus);
  let short = false;
  for (const point of [...front, ...back]) {
    if (surplus.has(point)) continue;
    if (point.ttl !== '1h') short = true;
    // Five minutes cost less to write than an hour; a wrong guess is a cache miss, not a bill.
    else if (short) delete point.ttl;
  }
}

/** Of points of the SDK and of our own, all that is looked at. */
type Point = { ttl?: RestCachePoint['ttl'] | undefined };
type Item = object & { cachePoint?: Point | undefined };

function pointsOf(list: readonly Item[]): Point[] {
  return list.flatMap(({ cachePoint }) => (cachePoint === undefined ? [] : [cachePoint]));
}

function remove(list: Item[], surplus: ReadonlySet<Point>): void {
  for (let index = list.length - 1; index >= 0; index--) {
    const point = list[index]?.cachePoint;
    if (point !== undefined && surplus.has(point)) list.splice(index, 1);
  }
}

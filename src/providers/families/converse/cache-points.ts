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

type Item = object & { cachePoint?: unknown };

function pointsOf(list: readonly Item[]): RestCachePoint[] {
  return list.flatMap((item) => {
    const point = pointIn(item);
    return point === undefined ? [] : [point];
  });
}

function pointIn({ cachePoint }: Item): RestCachePoint | undefined {
  // The encoder makes points of no other kind.
  return cachePoint as RestCachePoint | undefined;
}

function remove(list: Item[], surplus: ReadonlySet<RestCachePoint>): void {
  for (let index = list.length - 1; index >= 0; index--) {
    const item = list[index];
    const point = item === undefined ? undefined : pointIn(item);
    if (point !== undefined && surplus.has(point)) list.splice(index, 1);
  }
}

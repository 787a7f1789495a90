/**
 * On which side of a canary a request falls. A place in [0, 1) is made of who asks, so that whoever was in a share stays in it as it
 * grows, on every replica and after every restart. Each canary mixes anew: it is not always the same callers who go first.
 */
import type { Considered } from '../contract.ts';
import type { Arm, Canary } from './contract.ts';

/** Where the caller has none of what `by` asks for, the next finer thing stands in: all on one side would be no canary. */
export function identityOf({ id, caller, facts, draw }: Considered, by: Canary['by']): string {
  const request = id ?? String(draw);
  switch (by) {
    case 'key':
      return caller?.key ?? facts.user ?? request;
    case 'user':
      // A name is its caller's: two apps may both have a user 1.
      return facts.user === undefined ? (caller?.key ?? request) : `${caller?.key ?? ''}\n${facts.user}`;
    case 'request':
      return request;
  }
}

export function placeOf(route: string, canary: Canary, request: Considered): number {
  return hash(`${route}\n${canary.id}\n${identityOf(request, canary.by)}`) / 2 ** 32;
}

export function armOf(place: number, share: number): Arm {
  return place < share ? 'canary' : 'usual';
}

/** FNV-1a with the last steps of MurmurHash3, without which texts that differ at their end alone would lie close together. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

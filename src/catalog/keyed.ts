/** States by name, bounded: the least lately used makes room. Reading allocates nothing; only a new name where all places are taken costs a walk. */

export interface Keyed<State> {
  find(name: string): State | undefined;
  /** Made where there is none. */
  open(name: string): State;
  entries(): Iterable<readonly [string, State]>;
}

interface Place<State> {
  readonly state: State;
  usedAt: number;
}

export function createKeyed<State>(most: number, create: () => State): Keyed<State> {
  const places = new Map<string, Place<State>>();
  // A count, not a clock. Moving an entry to the end of the map instead would make it grow and be rebuilt for ever.
  let uses = 0;

  function find(name: string): State | undefined {
    const place = places.get(name);
    if (place === undefined) return undefined;
    place.usedAt = ++uses;
    return place.state;
  }

  function dropOldest(): void {
    let oldest: string | undefined;
    let usedAt = Number.POSITIVE_INFINITY;
    for (const [name, place] of places)
      if (place.usedAt < usedAt) {
        oldest = name;
        usedAt = place.usedAt;
      }
    if (oldest !== undefined) places.delete(oldest);
  }

  return {
    find,
    open(name) {
      const found = find(name);
      if (found !== undefined) return found;
      if (places.size >= most) dropOldest();
      const state = create();
      places.set(name, { state, usedAt: ++uses });
      return state;
    },
    *entries() {
      for (const [name, { state }] of places) yield [name, state];
    },
  };
}

/** What a caller wants of kept answers, in its `Cache-Control`; and what it is told of them, in `x-intermodal-cache`. */

export interface CacheTerms {
  /** May be answered with what was kept. */
  readonly read: boolean;
  /** Its own answer may be kept. */
  readonly keep: boolean;
  /** No older than this; absent: as old as the route allows. */
  readonly mostAgeMs?: number;
}

const usual: CacheTerms = { read: true, keep: true };

/** `no-cache`, `no-store` and `max-age=30`. What else it may say is for caches that are not ours. */
export function readCacheTerms(header: string | string[] | undefined): CacheTerms {
  if (header === undefined) return usual;
  const words = String(header)
    .toLowerCase()
    .split(',')
    .map((word) => word.trim());
  const age = words.map((word) => /^max-age=(\d{1,9})$/.exec(word)?.[1]).find((found) => found !== undefined);
  return {
    read: !words.includes('no-cache'),
    keep: !words.includes('no-store'),
    ...(age === undefined ? {} : { mostAgeMs: Number(age) * 1000 }),
  };
}

/** `bypass`: nobody looked. */
export type CacheNote =
  | { readonly kind: 'hit'; readonly ageS: number }
  | { readonly kind: 'miss' }
  | { readonly kind: 'bypass' };

export function writeCacheNote(note: CacheNote): string {
  return note.kind === 'hit' ? `hit; age=${note.ageS}` : note.kind;
}

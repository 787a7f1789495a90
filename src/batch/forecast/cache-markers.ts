/**
 * How much of a request stands before its last cache marker, and whether a request before it began alike: then a cache may serve it, else it is written to
 * one. Only for callers who mark; what providers cache by themselves is known from what they said before.
 */
import { hash } from 'node:crypto';
import type { ScannedBody } from '../../core/body.ts';

const marker = '"cache_control"';
/** More different beginnings than this are not shared by many. */
const mostPrefixes = 10_000;

export interface Marked {
  /** Of the body. */
  readonly share: number;
  readonly isRepeated: boolean;
}

export class CacheMarkers {
  readonly #seen = new Set<string>();

  /** `undefined`: it has none. */
  of({ latin1 }: ScannedBody): Marked | undefined {
    const at = latin1.lastIndexOf(marker);
    if (at < 0) return undefined;
    const key = hash('sha256', latin1.slice(0, at), 'base64url');
    const isRepeated = this.#seen.has(key);
    if (!isRepeated && this.#seen.size < mostPrefixes) this.#seen.add(key);
    return { share: at / latin1.length, isRepeated };
  }
}
